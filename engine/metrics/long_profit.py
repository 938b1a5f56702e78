"""What round trips that were bought first brought after charges."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("long_profit", title="Profit of long trades", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the net gain of ended long round trips in rupees (freqtrade `profit_total_long_abs`)."""
    trades = run.trades
    return float(trades["net"][trades["quantity"] > 0].sum()) / UNITS

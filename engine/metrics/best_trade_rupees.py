"""What the best round trip brought after charges."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("best_trade_rupees", title="Best trade in rupees", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the highest net gain in rupees; NaN without one."""
    return largest(run.trades["net"]) / UNITS

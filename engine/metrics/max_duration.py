"""How long the longest round trip took, nights included."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest

HOUR_NS = 3_600_000_000_000


@metric("max_duration", title="Longest trade", group="Trades", unit="h", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the longest time from entry to exit in hours (backtesting.py `Max. Trade Duration`); NaN without one."""
    trades = run.trades
    return largest(trades["exit_ns"] - trades["entry_ns"]) / HOUR_NS

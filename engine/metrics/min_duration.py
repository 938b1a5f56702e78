"""How long the shortest round trip took, nights included."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import smallest

HOUR_NS = 3_600_000_000_000


@metric("min_duration", title="Shortest trade", group="Trades", unit="h", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the shortest time from entry to exit in hours (freqtrade `holding_min`); NaN without one."""
    trades = run.trades
    return smallest(trades["exit_ns"] - trades["entry_ns"]) / HOUR_NS

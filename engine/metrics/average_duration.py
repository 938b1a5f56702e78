"""How long an average round trip took, nights included."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean

HOUR_NS = 3_600_000_000_000


@metric("average_duration", title="Average duration", group="Trades", unit="h", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the mean time from entry to exit in hours (backtesting.py `Avg. Trade Duration`); NaN without one."""
    trades = run.trades
    return mean(trades["exit_ns"] - trades["entry_ns"]) / HOUR_NS

"""How long an average loser was held, nights included."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean

HOUR_NS = 3_600_000_000_000


@metric("average_duration_losers", title="Average duration of losers", group="Trades", unit="h", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the mean time from entry to exit of losers in hours (freqtrade `loser_holding_avg`); NaN without one."""
    trades = run.trades[run.trades["net"] < 0]
    return mean(trades["exit_ns"] - trades["entry_ns"]) / HOUR_NS

"""What was put into an average round trip."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_stake", title="Average stake", group="Trades", unit="Rs", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the mean entry value of ended round trips in rupees (freqtrade `avg_stake_amount`); NaN without one."""
    return mean(run.trades["value"]) / UNITS

"""What an average loser cost, charges included."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_loss", title="Average loss", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the mean net gain of losing round trips in rupees, a negative number; NaN without one."""
    net = run.trades["net"]
    return mean(net[net < 0]) / UNITS

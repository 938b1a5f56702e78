"""What an average winner brought after charges."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_win", title="Average win", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the mean net gain of winning round trips in rupees; NaN without one."""
    net = run.trades["net"]
    return mean(net[net > 0]) / UNITS

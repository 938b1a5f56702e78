"""What an average round trip brought after charges, in rupees."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("expectancy", title="Expectancy", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return win rate x average win - loss rate x average loss, which is the mean, in rupees (freqtrade `expectancy`); NaN without one."""
    return mean(run.trades["net"]) / UNITS

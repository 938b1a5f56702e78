"""How far an average round trip was behind at its worst."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_mae", title="Average adverse excursion", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the mean maximum adverse excursion in rupees, a negative number (Sweeney 1996); NaN without a trade."""
    return mean(run.trades["mae"]) / UNITS

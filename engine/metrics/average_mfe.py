"""How far an average round trip was ahead at its best."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_mfe", title="Average favourable excursion", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the mean maximum favourable excursion in rupees (Sweeney 1996); NaN without a trade."""
    return mean(run.trades["mfe"]) / UNITS

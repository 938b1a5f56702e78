"""How the best days compare with the worst: above 1 the best are larger."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("tail_ratio", title="Tail ratio", group="Risk")
def compute(run: Run) -> float:
    """Return |95th| / |5th| percentile of daily returns (empyrical `tail_ratio`); NaN without a day or without losses."""
    if not len(run.daily_returns):
        return math.nan
    high, low = np.percentile(run.daily_returns, (95, 5))
    return ratio(abs(float(high)), abs(float(low)))

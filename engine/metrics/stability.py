"""How close to a straight line the account grew: 1 is a ruler."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio, spread


@metric("stability", title="Stability", group="Risk")
def compute(run: Run) -> float:
    """Return R squared of a straight line through cumulated daily log returns (empyrical `stability_of_timeseries`).

    NaN if nothing varies.
    """
    growth = 1.0 + run.daily_returns
    if len(growth) < 2 or not np.all(growth > 0.0):
        return math.nan
    curve = np.cumsum(np.log(growth))
    if spread(curve) == 0.0:
        return math.nan
    days = np.arange(len(curve)) - (len(curve) - 1) / 2.0
    apart = curve - np.mean(curve)
    return ratio(float(np.sum(days * apart)) ** 2, float(np.sum(days**2) * np.sum(apart**2)))

"""Net profit over the largest drawdown, both in rupees."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("recovery_factor", title="Recovery factor", group="Risk")
def compute(run: Run) -> float:
    """Return net profit / largest drawdown in rupees (OpenAlgo `recovery_factor`); NaN without a drawdown."""
    if not len(run.equity):
        return math.nan
    return ratio(int(run.equity[-1]) - run.capital_units, float(np.max(run.peak - run.equity)))

"""Yearly growth over the deepest fall from a height."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised, ratio


@metric("calmar", title="Calmar ratio", group="Risk")
def compute(run: Run) -> float:
    """Return yearly return / largest drawdown, both as fractions (Young 1991; empyrical `calmar_ratio`); NaN without a drawdown."""
    days = len(run.daily_equity)
    if days < 2:
        return math.nan
    return ratio(annualised(ratio(float(run.equity[-1]), run.capital_units), days), float(np.max(1.0 - run.equity / run.peak)))

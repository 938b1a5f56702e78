"""The Sharpe ratio with recent days counting more: a day 120 trading days back counts half."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, ratio, spread

HALF_LIFE = 120
"""Trading days after which a day counts half."""


@metric("ewm_sharpe", title="Sharpe ratio, recent", group="Risk")
def compute(run: Run) -> float:
    """Return weighted mean / weighted deviation of daily log returns x sqrt(252) (vnpy `ewm_sharpe`, half-life 120); NaN if too few."""
    growth = 1.0 + run.daily_returns
    if len(growth) < 2 or not np.all(growth > 0.0) or spread(growth) == 0.0:
        return math.nan
    logs, weights = np.log(growth), 0.5 ** (np.arange(len(growth) - 1, -1, -1) / HALF_LIFE)
    weights /= np.sum(weights)
    middle = float(np.sum(weights * logs))
    # Weights that differ make fewer days of it: the unbiased form divides by 1 less the sum of their squares.
    variance = float(np.sum(weights * (logs - middle) ** 2) / (1.0 - np.sum(weights**2)))
    return ratio(middle, math.sqrt(variance)) * math.sqrt(DAYS_A_YEAR)

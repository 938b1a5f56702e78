"""Return for the risk taken: the average daily return over how much it varies, as a yearly figure."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, mean, ratio, spread


@metric("sharpe", title="Sharpe ratio", group="Risk")
def compute(run: Run) -> float:
    """Return mean / sample deviation of daily returns x sqrt(252), without a risk-free rate (Sharpe 1994; empyrical `sharpe_ratio`).

    NaN with fewer than two days, or where no day differs from another.
    """
    return ratio(mean(run.daily_returns), spread(run.daily_returns)) * math.sqrt(DAYS_A_YEAR)

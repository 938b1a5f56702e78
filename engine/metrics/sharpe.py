"""Return for the risk taken: the average daily return over how much it varies, as a yearly figure."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import DAYS_A_YEAR, Run


@metric("sharpe", title="Sharpe ratio", group="Risk")
def compute(run: Run) -> float:
    """Return mean / sample deviation of daily returns x sqrt(252), without a risk-free rate (Sharpe 1994; empyrical `sharpe_ratio`).

    NaN with fewer than two days, or where no day differs from another.
    """
    returns = run.daily_returns
    deviation = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return float(np.mean(returns)) / deviation * math.sqrt(DAYS_A_YEAR) if deviation > 0.0 else math.nan

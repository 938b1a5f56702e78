"""How likely a Sharpe ratio is real when it is the best of many that were tried.

Bailey and Lopez de Prado, "The Deflated Sharpe Ratio" (2014): the ratio is measured against the one that the luckiest of N trials
without skill would have, and its error against the skew and the fat tails of the returns. Ratios here are per period, not per year.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

EULER = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DeflatedSharpe:
    """What is left of a Sharpe ratio."""

    probability: float
    """That the true ratio is above what luck would have brought: 0.95 and more is worth believing. NaN = the data do not tell."""
    sharpe: float
    """Of the chosen combination, per period."""
    threshold: float
    """What the luckiest of the trials would have without skill, per period."""
    trials: float
    """Independent trials that were reckoned with."""


def expected_maximum(variance: float, trials: float) -> float:
    """Return the Sharpe ratio expected of the best of `trials` without skill, whose ratios vary by `variance` (equation 1)."""
    if trials <= 1.0 or not variance > 0.0:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * float((1.0 - EULER) * first + EULER * second)


def probability(sharpe: float, threshold: float, periods: int, skew: float, kurtosis: float) -> float:
    """Return the probability that the true ratio is above the threshold (equation 2); kurtosis is 3 for a normal distribution."""
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if periods < 2 or not spread > 0.0:
        return math.nan
    return _NORMAL.cdf((sharpe - threshold) * math.sqrt(periods - 1) / math.sqrt(spread))


def independent_trials(returns: NDArray[np.float64], trials: int) -> float:
    """Return how many independent trials as many correlated ones are worth: r + (1 - r) M, r their mean correlation (appendix 3).

    `returns`: one row a period, one column a trial; columns without any movement are left out.
    """
    moving = returns[:, returns.std(axis=0) > 0.0]
    count = int(moving.shape[1])
    if count < 2:
        return float(trials)
    scaled = (moving - moving.mean(axis=0)) / moving.std(axis=0)
    # The sum over all pairs is the square of the sum: no matrix of N x N is needed.
    total = float((scaled.sum(axis=1) ** 2).mean())
    correlation = min(1.0, max(0.0, (total - count) / (count * (count - 1))))
    return correlation + (1.0 - correlation) * trials


def sharpe_of(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean over sample deviation of each column; 0 where nothing moved and nothing was earned."""
    means, deviations = returns.mean(axis=0), returns.std(axis=0, ddof=1)
    made = np.full(means.shape, np.nan)
    np.divide(means, deviations, out=made, where=deviations > 0.0)
    made[(deviations == 0.0) & (means == 0.0)] = 0.0
    return made


def deflate(best: NDArray[np.float64], returns: NDArray[np.float64], trials: int) -> DeflatedSharpe:
    """Deflate the ratio of the chosen combination.

    `best`: its returns by period; `returns`: those of the trials, or a fair sample of them, one column each; `trials`: how many were made.
    """
    ratios = sharpe_of(returns)
    ratios = ratios[np.isfinite(ratios)]
    variance = float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    count = independent_trials(returns, trials)
    threshold = expected_maximum(variance, count)
    deviation = float(best.std()) if len(best) > 1 else 0.0
    if deviation == 0.0:
        return DeflatedSharpe(math.nan, math.nan, threshold, count)
    away = (best - best.mean()) / deviation
    skew, kurtosis = float((away**3).mean()), float((away**4).mean())
    ratio = float(sharpe_of(best[:, None])[0])
    return DeflatedSharpe(probability(ratio, threshold, len(best), skew, kurtosis), ratio, threshold, count)

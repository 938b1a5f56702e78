"""Growth over a blend of downside, drawdown and tail risk, a little better for a good skew and worse for fat tails."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, downside, moment, ratio, spread


@metric("rgr", title="Risk-to-growth ratio", group="Risk")
def compute(run: Run) -> float:
    """Return vnpy's `rgr_ratio`, of daily log returns; NaN with fewer than four days, where nothing varies, or with nothing left.

    ln(1 + simple yearly return) x 1 / (1 + deviation) x (1 + tanh(skew) / 10) / (1 + max(kurtosis - 3, 0) / 20), over 0.5 x yearly
    downside deviation + 0.3 x largest drawdown + 0.2 x mean of the worst 5 % of days.
    """
    growth, days = 1.0 + run.daily_returns, len(run.daily_returns)
    if days < 4 or not np.all(growth > 0.0) or spread(growth) == 0.0:
        return math.nan
    logs, yearly = np.log(growth), (float(run.equity[-1]) / run.capital_units - 1.0) / days * DAYS_A_YEAR
    gain = math.copysign(math.log1p(abs(yearly)), yearly)
    skew = moment(logs, 3) * math.sqrt(days * (days - 1)) / (days - 2)
    kurtosis = (days - 1) / ((days - 2) * (days - 3)) * ((days + 1) * (moment(logs, 4) - 3.0) + 6.0)
    worst = abs(float(np.mean(np.sort(logs)[: math.ceil(days * 0.05)])))
    fall = float(np.max(1.0 - run.daily_equity / np.maximum.accumulate(run.daily_equity)))
    risk = 0.5 * downside(logs) * math.sqrt(DAYS_A_YEAR) + 0.3 * fall + 0.2 * worst
    return ratio(gain / (1.0 + spread(logs)) * (1.0 + 0.1 * math.tanh(skew)) / (1.0 + 0.05 * max(kurtosis - 3.0, 0.0)), risk)

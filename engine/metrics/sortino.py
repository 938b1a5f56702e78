"""Return for the losses suffered: only days that lost count as risk."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, downside, mean, ratio


@metric("sortino", title="Sortino ratio", group="Risk")
def compute(run: Run) -> float:
    """Return mean daily return / root mean square of daily losses x sqrt(252) (Sortino 1994; empyrical `sortino_ratio`).

    NaN with fewer than two days, or without a losing day.
    """
    returns = run.daily_returns
    return ratio(mean(returns), downside(returns)) * math.sqrt(DAYS_A_YEAR) if len(returns) > 1 else math.nan

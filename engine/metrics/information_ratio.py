"""Return above the benchmark for the risk of straying from it."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, mean, ratio, spread


@metric("information_ratio", title="Information ratio", group="Benchmark")
def compute(run: Run) -> float:
    """Return mean / sample deviation of daily differences x sqrt(252) (Goodwin 1998; empyrical `excess_sharpe`, annualised).

    NaN if too few.
    """
    own, other = run.paired_returns
    apart = own - other
    return ratio(mean(apart), spread(apart)) * math.sqrt(DAYS_A_YEAR)

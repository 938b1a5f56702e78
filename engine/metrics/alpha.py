"""The yearly return that is not explained by going along with the benchmark."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised, spread


@metric("alpha", title="Alpha", group="Benchmark", unit="%")
def compute(run: Run) -> float:
    """Return ((1 + mean(own - beta x benchmark))^252 - 1) in percent (Jensen 1968; empyrical `alpha`); NaN with fewer than two days."""
    own, other = run.paired_returns
    if len(own) < 2 or spread(other) == 0.0:
        return math.nan
    apart = other - np.mean(other)
    beta = float(np.mean(apart * own)) / float(np.mean(apart**2))
    return 100.0 * annualised(1.0 + float(np.mean(own - beta * other)), 1)

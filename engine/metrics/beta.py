"""How much of the benchmark's ups and downs the account went along with."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio, spread


@metric("beta", title="Beta", group="Benchmark", higher_is_better=None)
def compute(run: Run) -> float:
    """Return Cov(own, benchmark) / Var(benchmark) of daily returns (empyrical `beta`).

    NaN with fewer than two days or a benchmark at rest.
    """
    own, other = run.paired_returns
    if len(own) < 2 or spread(other) == 0.0:
        return math.nan
    apart = other - np.mean(other)
    return ratio(float(np.mean(apart * own)), float(np.mean(apart**2)))

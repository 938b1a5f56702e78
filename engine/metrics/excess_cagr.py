"""By how much the account grew faster a year than the benchmark."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised, ratio


@metric("excess_cagr", title="Return a year above benchmark", group="Benchmark", unit="%")
def compute(run: Run) -> float:
    """Return the difference of both yearly returns in percentage points (OpenAlgo `excess_cagr`); NaN with fewer than two days."""
    growth = run.benchmark_growth
    if len(growth) < 2:
        return math.nan
    own = annualised(ratio(float(run.equity[-1]), run.capital_units), len(growth))
    return 100.0 * (own - annualised(float(growth[-1]), len(growth)))

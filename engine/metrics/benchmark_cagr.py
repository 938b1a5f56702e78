"""The yearly growth of the benchmark, a year having 252 trading days."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised


@metric("benchmark_cagr", title="Benchmark return a year", group="Benchmark", unit="%", higher_is_better=None)
def compute(run: Run) -> float:
    """Return growth^(252 / trading days) - 1 of the benchmark in percent (empyrical `annual_return`); NaN with fewer than two days."""
    growth = run.benchmark_growth
    return 100.0 * annualised(float(growth[-1]), len(growth)) if len(growth) > 1 else math.nan

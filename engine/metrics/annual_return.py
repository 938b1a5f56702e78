"""The steady yearly growth that would have come to the same, a year having 252 trading days."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised, ratio


@metric("annual_return", title="Return a year", group="Returns", unit="%")
def compute(run: Run) -> float:
    """Return growth^(252 / trading days) - 1 in percent (empyrical `annual_return`); NaN with fewer than two days or nothing left."""
    days = len(run.daily_equity)
    return 100.0 * annualised(ratio(float(run.equity[-1]), run.capital_units), days) if days > 1 else math.nan

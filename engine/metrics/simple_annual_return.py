"""The total return spread evenly over years of 252 trading days, without compounding."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR


@metric("simple_annual_return", title="Simple return a year", group="Returns", unit="%")
def compute(run: Run) -> float:
    """Return total return / trading days x 252 in percent (vnpy `annual_return`); NaN with fewer than two days."""
    days = len(run.daily_equity)
    return 100.0 * (float(run.equity[-1]) / run.capital_units - 1.0) / days * DAYS_A_YEAR if days > 1 else math.nan

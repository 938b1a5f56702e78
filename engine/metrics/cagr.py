"""The steady yearly growth that would have come to the same, by the calendar."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import CALENDAR_DAYS_A_YEAR, annualised, ratio


@metric("cagr", title="Compound growth a year", group="Returns", unit="%")
def compute(run: Run) -> float:
    """Return growth^(365.25 / days from first to last bar) - 1 in percent (backtesting.py `CAGR [%]`); NaN with fewer than two days."""
    if len(run.daily_equity) < 2:
        return math.nan
    days = (int(run.equity_ns[-1]) - int(run.equity_ns[0])) / 86_400e9
    return 100.0 * annualised(ratio(float(run.equity[-1]), run.capital_units), days, CALENDAR_DAYS_A_YEAR)

"""How much daily returns vary, as a yearly figure."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, spread


@metric("volatility", title="Volatility a year", group="Risk", unit="%", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the sample deviation of daily returns x sqrt(252), in percent (empyrical `annual_volatility`).

    NaN with fewer than two days.
    """
    return 100.0 * spread(run.daily_returns) * math.sqrt(DAYS_A_YEAR)

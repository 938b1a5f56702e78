"""How much daily losses vary, as a yearly figure."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, downside


@metric("downside_deviation", title="Downside deviation a year", group="Risk", unit="%", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the root mean square of daily losses over all days x sqrt(252), in percent (empyrical `downside_risk`); NaN without a day."""
    return 100.0 * downside(run.daily_returns) * math.sqrt(DAYS_A_YEAR)

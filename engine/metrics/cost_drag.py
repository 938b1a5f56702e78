"""By how much charges lowered the yearly return."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import DAYS_A_YEAR, mean, ratio


@metric("cost_drag", title="Cost drag a year", group="Costs", unit="%", higher_is_better=False)
def compute(run: Run) -> float:
    """Return charges / mean daily equity x 252 / trading days in percent (OpenAlgo `cost drag`); NaN without a day."""
    held = mean(run.daily_equity)
    return 100.0 * ratio(float(run.fills["charges"].sum()), held) * ratio(DAYS_A_YEAR, len(run.daily_equity))

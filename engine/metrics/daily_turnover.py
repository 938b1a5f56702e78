"""What the purchases and sales of an average trading day were worth."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("daily_turnover", title="Turnover a day", group="Costs", unit="Rs", higher_is_better=None)
def compute(run: Run) -> float:
    """Return turnover / trading days in rupees (vnpy `daily_turnover`); NaN without a day."""
    return ratio(float(run.fill_values.sum()), len(run.daily_equity)) / UNITS

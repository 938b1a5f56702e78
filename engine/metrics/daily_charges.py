"""What an average trading day cost in charges."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("daily_charges", title="Charges a day", group="Costs", unit="Rs", higher_is_better=False)
def compute(run: Run) -> float:
    """Return charges / trading days in rupees (vnpy `daily_commission`); NaN without a day."""
    return ratio(float(run.fills["charges"].sum()), len(run.daily_equity)) / UNITS

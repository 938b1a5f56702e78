"""What all fills cost: brokerage, taxes and fees."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("charges", title="Charges", group="Costs", unit="Rs", higher_is_better=False)
def compute(run: Run) -> float:
    """Return all charges in rupees (vnpy `total_commission`)."""
    return float(run.fills["charges"].sum()) / UNITS

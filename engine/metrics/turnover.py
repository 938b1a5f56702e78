"""What all purchases and sales were worth."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("turnover", title="Turnover", group="Costs", unit="Rs", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the sum of price x quantity over all fills in rupees (vnpy `total_turnover`)."""
    return float(run.fill_values.sum()) / UNITS

"""The worst day's return."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import smallest


@metric("worst_day", title="Worst day", group="Days", unit="%")
def compute(run: Run) -> float:
    """Return the lowest daily return in percent (OpenAlgo `worst_day`); NaN without a day."""
    return 100.0 * smallest(run.daily_returns)

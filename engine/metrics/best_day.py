"""The best day's return."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("best_day", title="Best day", group="Days", unit="%")
def compute(run: Run) -> float:
    """Return the highest daily return in percent (OpenAlgo `best_day`); NaN without a day."""
    return 100.0 * largest(run.daily_returns)

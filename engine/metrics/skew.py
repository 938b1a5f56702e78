"""Whether surprises were rather good (above 0) or bad (below 0)."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import moment


@metric("skew", title="Skewness", group="Risk")
def compute(run: Run) -> float:
    """Return the third standardised moment of daily returns, population form (scipy `skew`); NaN where nothing varies."""
    return moment(run.daily_returns, 3)

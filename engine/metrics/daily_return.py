"""What an average trading day returned."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("daily_return", title="Return a day", group="Returns", unit="%", format="0.000")
def compute(run: Run) -> float:
    """Return the mean of daily returns in percent (vnpy `daily_return`, of simple returns here); NaN without a day."""
    return 100.0 * mean(run.daily_returns)

"""The share of days that won."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("profitable_days", title="Profitable days", group="Days", unit="%", format="0.0")
def compute(run: Run) -> float:
    """Return days whose equity rose in percent of all days (OpenAlgo `win_rate`); NaN without a day."""
    return 100.0 * mean(run.daily_pnl > 0)

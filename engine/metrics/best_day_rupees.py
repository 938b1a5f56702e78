"""What the best day brought."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("best_day_rupees", title="Best day in rupees", group="Days", unit="Rs")
def compute(run: Run) -> float:
    """Return the highest daily change of equity in rupees (freqtrade `backtest_best_day_abs`); NaN without a day."""
    return largest(run.daily_pnl) / UNITS

"""What the worst day brought."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import smallest


@metric("worst_day_rupees", title="Worst day in rupees", group="Days", unit="Rs")
def compute(run: Run) -> float:
    """Return the lowest daily change of equity in rupees (freqtrade `backtest_worst_day_abs`); NaN without a day."""
    return smallest(run.daily_pnl) / UNITS

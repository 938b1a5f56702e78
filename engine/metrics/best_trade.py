"""The best round trip's return on what was put in."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("best_trade", title="Best trade", group="Trades", unit="%")
def compute(run: Run) -> float:
    """Return the highest net gain / entry value in percent (backtesting.py `Best Trade [%]`); NaN without one."""
    return 100.0 * largest(run.trade_returns)

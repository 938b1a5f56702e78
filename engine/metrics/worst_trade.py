"""The worst round trip's return on what was put in."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import smallest


@metric("worst_trade", title="Worst trade", group="Trades", unit="%")
def compute(run: Run) -> float:
    """Return the lowest net gain / entry value in percent (backtesting.py `Worst Trade [%]`); NaN without one."""
    return 100.0 * smallest(run.trade_returns)

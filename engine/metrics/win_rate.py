"""The share of round trips that won after charges."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("win_rate", title="Win rate", group="Trades", unit="%", format="0.0")
def compute(run: Run) -> float:
    """Return winning / all ended round trips in percent (backtesting.py `Win Rate [%]`); NaN without one."""
    return 100.0 * mean(run.trades["net"] > 0)

"""What an average round trip returned after charges on what was put in."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("expectancy_pct", title="Expectancy in percent", group="Trades", unit="%", format="0.000")
def compute(run: Run) -> float:
    """Return the mean of net gain / entry value in percent (backtesting.py `Expectancy [%]`, freqtrade `profit_mean`); NaN without one."""
    return 100.0 * mean(run.trade_returns)

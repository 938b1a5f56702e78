"""How deep the account fell in an average drawdown, by closing equity."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_drawdown", title="Average drawdown", group="Risk", unit="%", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the mean depth of drawdowns of daily closing equity in percent (backtesting.py `Avg. Drawdown [%]`); NaN without one."""
    return 100.0 * mean(run.drawdowns["depth"])

"""How long it took on average to be back at a height, by closing equity."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_drawdown_duration", title="Average length of drawdowns", group="Risk", unit="days", format="0.0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the mean calendar days from a height until it was reached again, or the end (backtesting.py `Avg. Drawdown Duration`).

    NaN if none.
    """
    return mean(run.drawdown_days())

"""The longest that it took to be back at a height, by closing equity."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("max_drawdown_duration", title="Longest drawdown", group="Risk", unit="days", format="0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return calendar days from a height until it was reached again, or the end, at most (backtesting.py `Max. Drawdown Duration`).

    NaN if none.
    """
    return largest(run.drawdown_days())

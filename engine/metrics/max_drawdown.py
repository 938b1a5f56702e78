"""The deepest that the account ever was below its height, in percent of that height."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("max_drawdown", title="Largest drawdown", group="Risk", unit="%", higher_is_better=False)
def compute(run: Run) -> float:
    """Return max(1 - equity / highest so far) in percent, over every bar (empyrical `max_drawdown`, without its sign).

    NaN without a bar.
    """
    return 100.0 * largest(1.0 - run.equity / run.peak)

"""How fat the tails are: 0 is the bell curve, more means more days far from the average."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import moment


@metric("kurtosis", title="Excess kurtosis", group="Risk", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the fourth standardised moment of daily returns less 3, population form (scipy `kurtosis`); NaN where nothing varies."""
    return moment(run.daily_returns, 4) - 3.0

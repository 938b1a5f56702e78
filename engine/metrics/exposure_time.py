"""The share of the time in which something was held."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("exposure_time", title="Exposure time", group="Trades", unit="%", format="0.0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return bars that ended with a position in percent of all (backtesting.py `Exposure Time [%]`); NaN without a bar."""
    return 100.0 * mean(run.held > 0)

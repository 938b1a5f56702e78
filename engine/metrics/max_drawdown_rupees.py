"""The most rupees that the account ever was below its height."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import largest


@metric("max_drawdown_rupees", title="Largest drawdown in rupees", group="Risk", unit="Rs", higher_is_better=False)
def compute(run: Run) -> float:
    """Return max(highest so far - equity) in rupees, over every bar (vnpy `max_drawdown`, without its sign); NaN without a bar."""
    return largest(run.peak - run.equity) / UNITS

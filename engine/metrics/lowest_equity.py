"""The least that the account was ever worth."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import smallest


@metric("lowest_equity", title="Lowest equity", group="Returns", unit="Rs")
def compute(run: Run) -> float:
    """Return the lowest equity after any bar in rupees (freqtrade `csum_min`); NaN without a bar."""
    return smallest(run.equity) / UNITS

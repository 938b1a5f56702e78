"""The most that the account was ever worth."""

from __future__ import annotations

import math

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("peak_equity", title="Highest equity", group="Returns", unit="Rs")
def compute(run: Run) -> float:
    """Return the highest equity after any bar, or the capital, in rupees (backtesting.py `Equity Peak`); NaN without a bar."""
    return float(run.peak[-1]) / UNITS if len(run.peak) else math.nan

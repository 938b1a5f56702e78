"""What the account was worth at the end."""

from __future__ import annotations

import math

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("final_equity", title="Final equity", group="Returns", unit="Rs")
def compute(run: Run) -> float:
    """Return equity after the last bar in rupees (freqtrade `final_balance`, vnpy `end_balance`); NaN without a bar."""
    return float(run.equity[-1]) / UNITS if len(run.equity) else math.nan

"""What trading made before charges, in rupees, open positions at their last price."""

from __future__ import annotations

import math

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("gross_profit", title="Profit before charges", group="Returns", unit="Rs")
def compute(run: Run) -> float:
    """Return final equity less capital, with all charges added again, in rupees; NaN without a bar."""
    net = int(run.equity[-1]) - run.capital_units if len(run.equity) else math.nan
    return (net + int(run.fills["charges"].sum())) / UNITS

"""What is left of all trading after charges, in rupees, open positions at their last price."""

from __future__ import annotations

import math

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run


@metric("net_profit", title="Net profit", group="Returns", unit="Rs")
def compute(run: Run) -> float:
    """Return final equity less capital in rupees (vnpy `total_net_pnl`, freqtrade `profit_total_abs`); NaN without a bar."""
    return (int(run.equity[-1]) - run.capital_units) / UNITS if len(run.equity) else math.nan

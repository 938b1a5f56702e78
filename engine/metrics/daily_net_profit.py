"""What an average trading day brought in rupees."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("daily_net_profit", title="Net profit a day", group="Returns", unit="Rs")
def compute(run: Run) -> float:
    """Return the mean of daily changes of equity in rupees (vnpy `daily_net_pnl`); NaN without a day."""
    return mean(run.daily_pnl) / UNITS

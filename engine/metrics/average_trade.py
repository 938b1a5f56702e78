"""The steady return a round trip that would have come to the same, were all reinvested."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("average_trade", title="Average trade", group="Trades", unit="%", format="0.000")
def compute(run: Run) -> float:
    """Return the geometric mean of trade returns in percent (backtesting.py `Avg. Trade [%]`); NaN without one, or with a total loss."""
    growth = 1.0 + run.trade_returns
    return 100.0 * math.expm1(mean(np.log(growth))) if len(growth) and np.all(growth > 0.0) else math.nan

"""The return that half of the round trips were better than."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("median_trade", title="Median trade", group="Trades", unit="%", format="0.000")
def compute(run: Run) -> float:
    """Return the median of net gain / entry value in percent (freqtrade `profit_median`); NaN without one."""
    return 100.0 * float(np.median(run.trade_returns)) if len(run.trades) else math.nan

"""The return that 19 of 20 days were better than."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("value_at_risk", title="Value at risk, 95 %", group="Risk", unit="%")
def compute(run: Run) -> float:
    """Return the 5th percentile of daily returns in percent (empyrical `value_at_risk`); NaN without a day."""
    return 100.0 * float(np.percentile(run.daily_returns, 5)) if len(run.daily_returns) else math.nan

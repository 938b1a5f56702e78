"""What the worst one in twenty days returned on average."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("conditional_value_at_risk", title="Expected shortfall, 95 %", group="Risk", unit="%")
def compute(run: Run) -> float:
    """Return the mean of the worst 5 % of daily returns in percent (empyrical `conditional_value_at_risk`); NaN without a day."""
    returns = np.sort(run.daily_returns)
    return 100.0 * mean(returns[: int((len(returns) - 1) * 0.05) + 1])

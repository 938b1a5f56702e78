"""How many days closed higher than the day before."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("profit_days", title="Days with a profit", group="Days", format="0")
def compute(run: Run) -> float:
    """Return the number of days whose equity rose (vnpy `profit_days`)."""
    return float(np.count_nonzero(run.daily_pnl > 0))

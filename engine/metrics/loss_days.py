"""How many days closed lower than the day before."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("loss_days", title="Days with a loss", group="Days", format="0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the number of days whose equity fell (vnpy `loss_days`)."""
    return float(np.count_nonzero(run.daily_pnl < 0))

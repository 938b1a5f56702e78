"""How many days neither won nor lost."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("flat_days", title="Days without change", group="Days", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of days whose equity stayed (freqtrade `draw_days`)."""
    return float(np.count_nonzero(run.daily_pnl == 0))

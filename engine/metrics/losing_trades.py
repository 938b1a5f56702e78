"""How many round trips lost after charges."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("losing_trades", title="Losing trades", group="Trades", format="0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the number of ended round trips that lost after charges (freqtrade `losses`)."""
    return float(np.count_nonzero(run.trades["net"] < 0))

"""How many round trips won after charges."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("winning_trades", title="Winning trades", group="Trades", format="0")
def compute(run: Run) -> float:
    """Return the number of ended round trips that won after charges (freqtrade `wins`)."""
    return float(np.count_nonzero(run.trades["net"] > 0))

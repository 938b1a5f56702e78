"""How many round trips neither won nor lost after charges."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("breakeven_trades", title="Trades at break-even", group="Trades", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of ended round trips that neither won nor lost after charges (freqtrade `draws`)."""
    return float(np.count_nonzero(run.trades["net"] == 0))

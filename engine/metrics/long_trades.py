"""How many round trips were bought first."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("long_trades", title="Long trades", group="Trades", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of ended round trips that began with a purchase (freqtrade `trade_count_long`)."""
    return float(np.count_nonzero(run.trades["quantity"] > 0))

"""The most positions that were held at once."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run


@metric("max_open_positions", title="Positions at once", group="Trades", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the highest number of positions at the end of any bar (freqtrade `max_open_trades`)."""
    return float(np.max(run.held, initial=0))

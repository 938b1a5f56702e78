"""How many positions were still held at the end."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("open_trades", title="Trades left open", group="Trades", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of round trips that had not ended with the last bar (freqtrade `left_open_trades`)."""
    return float(len(run.open_trades))

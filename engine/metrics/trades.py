"""How many round trips ended."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("trades", title="Trades", group="Trades", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of ended round trips (backtesting.py `# Trades`)."""
    return float(len(run.trades))

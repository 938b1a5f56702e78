"""How many orders were placed."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("orders", title="Orders", group="Orders", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of orders that passed the rules."""
    return float(run.counters.orders)

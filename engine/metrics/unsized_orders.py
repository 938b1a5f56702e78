"""How many wishes came to nothing because their size came to zero."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("unsized_orders", title="Wishes without a size", group="Orders", format="0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the number of wishes for which the size was 0."""
    return float(run.counters.unsized)

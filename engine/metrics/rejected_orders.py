"""How many orders the risk rules refused."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("rejected_orders", title="Refused orders", group="Orders", format="0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the number of orders that a rule refused (freqtrade `rejected_signals`)."""
    return float(sum(run.counters.denied.values()))

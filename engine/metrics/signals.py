"""How often the strategy wanted something else than what was held."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("signals", title="Signals", group="Orders", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of wishes that the strategy uttered."""
    return float(run.counters.signals)

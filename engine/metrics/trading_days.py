"""How many days the run had bars on."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("trading_days", title="Trading days", group="Days", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of days of India with a bar (vnpy `total_days`)."""
    return float(len(run.daily_equity))

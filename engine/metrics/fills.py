"""How many executions there were."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run


@metric("fills", title="Fills", group="Orders", format="0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the number of fills (vnpy `total_trade_count`)."""
    return float(len(run.fills))

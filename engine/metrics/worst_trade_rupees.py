"""What the worst round trip cost, charges included."""

from __future__ import annotations

from engine.core.model import UNITS
from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import smallest


@metric("worst_trade_rupees", title="Worst trade in rupees", group="Trades", unit="Rs")
def compute(run: Run) -> float:
    """Return the lowest net gain in rupees; NaN without one."""
    return smallest(run.trades["net"]) / UNITS

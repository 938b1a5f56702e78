"""Opens nothing more once equity has fallen so far from its peak."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, DRAWN_DOWN, is_drawn_down
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_drawdown",
    code=DRAWN_DOWN,
    limit=0.0,
    unit="% of peak equity",
    explain="Expected equity less than {limit:g} % below its peak, was {drawdown:.2f} %; only exits pass.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return DRAWN_DOWN when equity is too far below its peak to open anything, else 0."""
    if order.is_exit != 0:
        return ALLOWED
    return DRAWN_DOWN if is_drawn_down(account.peak, account.equity, limits.max_drawdown) else ALLOWED

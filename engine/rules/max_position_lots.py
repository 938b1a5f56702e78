"""Holds at most so many lots of a future or an option, all orders that work on it counted as if they had filled."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, LOTS_HELD_TOO_MANY, has_too_many_lots
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_position_lots",
    code=LOTS_HELD_TOO_MANY,
    limit=20.0,
    unit="lots",
    explain="Expected a position of at most {limit:g} lots of {lot} in {symbol}, was {after} ({after_lots:g} lots); order fewer.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return LOTS_HELD_TOO_MANY when the position would be too many lots, else 0."""
    if order.is_exit != 0:
        return ALLOWED
    is_refused = has_too_many_lots(position.quantity + order.quantity, order.contract_lot, limits.max_position_lots)
    return LOTS_HELD_TOO_MANY if is_refused else ALLOWED

"""Sends no entry of more than so many lots of a future or an option."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, LOTS_TOO_MANY, has_too_many_lots
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_order_lots",
    code=LOTS_TOO_MANY,
    limit=10.0,
    unit="lots",
    explain="Expected at most {limit:g} lots of {lot} in an order of {symbol}, was {quantity} ({lots:g} lots); check it, or split it.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return LOTS_TOO_MANY when an entry asks for too many lots, else 0."""
    is_refused = order.is_exit == 0 and has_too_many_lots(order.quantity, order.contract_lot, limits.max_order_lots)
    return LOTS_TOO_MANY if is_refused else ALLOWED

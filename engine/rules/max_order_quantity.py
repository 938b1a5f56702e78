"""Sends no entry of more than so many shares; futures and options are counted in lots."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, QUANTITY_TOO_HIGH, has_too_many_units
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_order_quantity",
    code=QUANTITY_TOO_HIGH,
    limit=1000.0,
    unit="shares",
    explain="Expected at most {limit:g} shares in an order, was {quantity}; check the quantity, or split it.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return QUANTITY_TOO_HIGH when an entry asks for too many, else 0."""
    is_refused = order.is_exit == 0 and has_too_many_units(order.quantity, order.contract_lot, limits.max_order_quantity)
    return QUANTITY_TOO_HIGH if is_refused else ALLOWED

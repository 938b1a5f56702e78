"""Sends no entry worth more than so many rupees: a finger that slipped, or a wrong unit."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, VALUE_TOO_HIGH
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_order_value",
    code=VALUE_TOO_HIGH,
    limit=200000.0,
    unit="rupees",
    explain="Expected an order worth at most Rs {limit:g}, was Rs {value}; check quantity and price, or split it.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return VALUE_TOO_HIGH when an entry is worth too much, else 0."""
    is_refused = order.is_exit == 0 and abs(order.quantity) * order.price > limits.max_order_value
    return VALUE_TOO_HIGH if is_refused else ALLOWED

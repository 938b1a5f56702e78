"""Sends no entry worth more than so many percent of the equity, so that a small account makes small mistakes."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, SHARE_TOO_HIGH, is_large_share
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_order_share",
    code=SHARE_TOO_HIGH,
    limit=20.0,
    unit="% of equity",
    explain="Expected an order worth at most {limit:g} % of the equity of Rs {equity}, was Rs {value}; make it smaller, or split it.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return SHARE_TOO_HIGH when an entry is worth too much of the equity, else 0."""
    is_refused = order.is_exit == 0 and is_large_share(abs(order.quantity) * order.price, account.equity, limits.max_order_share)
    return SHARE_TOO_HIGH if is_refused else ALLOWED

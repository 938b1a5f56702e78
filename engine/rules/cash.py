"""Buys only what the free cash pays for; a short position binds as much cash as a long one."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, NO_CASH, lacks_cash, opened_by
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "cash",
    code=NO_CASH,
    limit=1.0,
    unit="on",
    explain="Expected an order worth no more than the free cash of Rs {free}, was Rs {value}; make it smaller or close something first.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return NO_CASH when what the order opens is worth more than the free cash, else 0."""
    if order.is_exit != 0:
        return ALLOWED
    return NO_CASH if lacks_cash(opened_by(position.quantity, order.quantity) * order.price, account.cash) else ALLOWED

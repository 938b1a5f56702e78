"""Holds at most so many times the equity at market value, longs and shorts added up and all working entries counted as filled."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, GROSS_TOO_HIGH, is_overstretched, opened_by
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "gross_exposure",
    code=GROSS_TOO_HIGH,
    limit=2.0,
    unit="times equity",
    explain="Expected positions and orders worth at most {limit:g} x the equity of Rs {equity}, was Rs {gross}; close something first.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return GROSS_TOO_HIGH when everything together would be worth too much, else 0."""
    if order.is_exit != 0:
        return ALLOWED
    opened = opened_by(position.quantity, order.quantity) * order.price
    return GROSS_TOO_HIGH if is_overstretched(account.cash, opened, account.equity, limits.gross_exposure) else ALLOWED

"""Puts at most so many percent of the capital into one instrument."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, TOO_LARGE, is_too_large
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_position_size",
    code=TOO_LARGE,
    limit=30.0,
    unit="% of capital",
    explain="Expected a position of at most {limit:g} % of capital, was Rs {after_value} of {symbol}; make the order smaller.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return TOO_LARGE when the position would be worth more than its share of capital, else 0."""
    if order.is_exit != 0:
        return ALLOWED
    value = abs(position.quantity + order.quantity) * order.price
    return TOO_LARGE if is_too_large(value, account.capital, limits.max_position_size) else ALLOWED

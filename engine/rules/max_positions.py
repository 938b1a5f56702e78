"""Holds at most so many instruments at once."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, TOO_MANY, has_too_many
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_positions",
    code=TOO_MANY,
    limit=10.0,
    unit="positions",
    explain="Expected at most {limit:g} positions at once, was one more with {symbol}; close one first.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return TOO_MANY when it would be one position too many, else 0."""
    return TOO_MANY if order.is_exit == 0 and has_too_many(account.other_positions, limits.max_positions) else ALLOWED

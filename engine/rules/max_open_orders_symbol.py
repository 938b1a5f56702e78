"""Lets at most so many orders work in one instrument; protection is not counted."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 29


@rule(
    "max_open_orders_symbol",
    code=CODE,
    limit=5.0,
    unit="orders of a symbol",
    explain="Expected at most {limit:g} orders at work in {symbol}, was one more; cancel some first.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would be one working order too many in its instrument, else 0."""
    return CODE if facts.opens and facts.open_orders_here + 1 > limit else 0

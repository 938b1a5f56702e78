"""Lets an exit only reduce what is held: it never turns a position round, nor closes twice what is closing already."""

from __future__ import annotations

from engine.core.facts import PROTECTIVE, Facts
from engine.core.registry import rule

CODE = 10


@rule(
    "reduce_only",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected an exit of at most {reducible} {symbol}, was {quantity}; the rest is closed or being closed already.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an exit would open something, else 0; protective orders stand side by side, for one closes the others."""
    if facts.opens:
        return 0
    request = facts.request
    closing = 0 if request.purpose in PROTECTIVE else facts.closing
    is_opposite = facts.held * request.side < 0
    return 0 if is_opposite and request.quantity <= abs(facts.held) - closing - facts.elsewhere else CODE

"""Does not send the same entry twice in a moment: a key that bounced, or a strategy that runs away."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 15


@rule(
    "duplicate_order",
    code=CODE,
    limit=3.0,
    unit="seconds",
    explain="Expected no second order like this within {limit:g} s, was {quantity} {symbol} again; wait, or change it.",
    when="repeats_soon",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the same entry went out a moment ago, else 0."""
    return CODE if facts.opens and facts.repeats_soon > 0 else 0

"""Lets no two owners of one account hold against each other: at the broker there is one position, and it would vanish."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 33


@rule(
    "opposing_owners",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected nobody to hold {symbol} the other way in {product}, was {opposed}; close that first, or take another product.",
    when="opposed",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would go against what another owner holds or is entering, else 0."""
    return CODE if facts.opens and facts.opposed else 0

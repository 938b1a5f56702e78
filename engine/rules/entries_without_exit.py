"""Stops whoever enters the same instrument again and again without ever getting out: something runs away."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 70


@rule(
    "entries_without_exit",
    code=CODE,
    limit=5.0,
    unit="entries in 5 minutes",
    explain="Expected at most {limit:g} entries into {symbol} within 5 minutes without an exit, was one more; "
    "look at it, then let {owner} trade again.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when its owner has entered too often without an exit between, else 0."""
    return CODE if facts.opens and facts.entries >= limit else 0

"""Lets at most so many orders work at once, those of unknown fate among them; protection is not counted, for positions are."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 28


@rule(
    "max_open_orders",
    code=CODE,
    limit=20.0,
    unit="orders",
    explain="Expected at most {limit:g} orders at work, was one more; cancel some first.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would be one working order too many, else 0."""
    return CODE if facts.opens and facts.open_orders + 1 > limit else 0

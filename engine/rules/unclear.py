"""Lets nothing be opened where it is not clear what is held: an order of unknown fate, a position that differed from the broker's."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 60


@rule(
    "unclear",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected {symbol} to be clear before more is opened, was not: {unclear}.",
    when="unclear",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an order would open something where something is to be cleared up first, else 0."""
    return CODE if facts.unclear and facts.opens else 0

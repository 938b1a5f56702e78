"""Lets a strategy trade real money only in a session for which a person has armed it, with the code that was armed."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 77


@rule(
    "armed",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected {owner} to be armed for real money in this session, was not; start it again to arm it.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when a strategy that nobody has armed would open something with real money, else 0."""
    return CODE if facts.opens and not facts.is_armed else 0

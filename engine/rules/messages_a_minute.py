"""Keeps orders, changes and cancels of a minute far below what the law lets an account send; exits and cancels always pass."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 26


@rule(
    "messages_a_minute",
    code=CODE,
    limit=200.0,
    unit="messages a minute",
    explain="Expected at most {limit:g} messages a minute, was {messages_minute} in the last; see what sends them, and wait.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would be one message too many within a minute, else 0."""
    return CODE if facts.opens and facts.messages_minute >= limit else 0

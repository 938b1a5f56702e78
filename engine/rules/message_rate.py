"""Keeps orders, changes and cancels below the broker's and the law's rate; some room is kept for exits."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 14

KEPT_FOR_EXITS = 2
"""Messages a second that entries leave to exits and cancels."""


@rule(
    "message_rate",
    code=CODE,
    limit=8.0,
    unit="messages a second",
    explain="Expected at most {limit:g} messages a second, two of them kept for exits, was {messages} in the last; wait a second.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would leave too little room within this second, else 0; exits wait their turn instead."""
    return CODE if facts.opens and facts.messages >= limit - KEPT_FOR_EXITS else 0

"""Keeps the day's orders, changes and cancels below what the broker takes, refused ones counted; some are kept for exits and cancels."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 27

KEPT_FOR_EXITS = 500
"""Messages a day that entries leave to exits and cancels; of a small limit, at most half of it."""

WARN_PART = 1 / 3
"""Beyond this part of the limit the trader is told, once a day."""


@rule(
    "messages_a_day",
    code=CODE,
    limit=3000.0,
    unit="messages a day",
    explain="Expected {kept} of the day's {limit:g} messages to be left to exits, were {messages_today} sent; only exits and cancels pass.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would use what is kept for exits and cancels, else 0."""
    return CODE if facts.opens and facts.messages_today >= limit - kept_of(limit) else 0


def kept_of(limit: float) -> float:
    """Return how many messages a day are kept for exits and cancels."""
    return min(KEPT_FOR_EXITS, limit / 2)

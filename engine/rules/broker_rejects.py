"""Stops whoever the broker keeps refusing: orders that are sent again and again unchanged use up the day's messages."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 71


@rule(
    "broker_rejects",
    code=CODE,
    limit=3.0,
    unit="rejects a minute",
    explain="Expected fewer than {limit:g} rejects by the broker a minute, were {rejects}; see why, then let {owner} trade again.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the broker has refused too many of its owner's orders, else 0."""
    return CODE if facts.opens and facts.rejects >= limit else 0

"""Trades with nobody of the same account: an entry that would meet an own working order of the other side is not sent."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 32


@rule(
    "own_orders",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected no own order of {symbol} on the other side at this price, was {crossed}; cancel that, or change the price.",
    when="crossed",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry could fill against an order of the same account, else 0."""
    return CODE if facts.opens and facts.crossed else 0

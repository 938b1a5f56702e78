"""Lets working entries together bind at most so many rupees: what may all fill in one bad moment."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import UNITS
from engine.core.registry import rule

CODE = 30


@rule(
    "max_open_value",
    code=CODE,
    limit=500_000.0,
    unit="rupees",
    explain="Expected orders at work worth at most Rs {limit:,.0f}, would be Rs {open_value:,.0f} with {symbol}; cancel some first.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when working entries and this one are worth too much together, else 0."""
    return CODE if facts.opens and facts.open_units + facts.request.quantity * facts.each_units > limit * UNITS else 0

"""Gives every strategy so many orders a day, so that one that runs away does not use up the account's."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 72


@rule(
    "strategy_orders",
    code=CODE,
    limit=100.0,
    unit="orders a day",
    explain="Expected at most {limit:g} orders of one strategy a day, were that many of {owner}; "
    "look at what it does, or wait for the next day.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when a strategy has sent its orders of the day, else 0."""
    return CODE if facts.opens and facts.orders_today >= limit else 0

"""Gives every strategy so much quantity to open with in a day, so that one that runs away stays small however few its orders are."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 78


@rule(
    "strategy_quantity",
    code=CODE,
    limit=100_000.0,
    unit="shares or contracts a day",
    explain="Expected one strategy to open at most {limit:g} a day, {quantity_today} were asked for by {owner} already, was {quantity} "
    "more; see what it does, or wait for the next day.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when a strategy would open more in the day than it may, all of its instruments together, else 0."""
    return CODE if facts.opens and facts.is_budgeted and facts.quantity_today + facts.request.quantity > limit else 0

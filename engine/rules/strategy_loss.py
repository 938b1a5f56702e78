"""Gives every strategy so much of the account to lose in a day, so that one bad strategy does not spend the day of all."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 73


@rule(
    "strategy_loss",
    code=CODE,
    limit=1.0,
    unit="% of equity",
    explain="Expected {owner} to lose less than {limit:g} % of the account's equity today, was {lost_pct:.2f} %; "
    "it opens nothing more until the next day.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when a strategy has lost its part of the day, else 0."""
    return CODE if facts.opens and facts.lost_pct >= limit else 0

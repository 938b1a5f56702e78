"""Keeps a good day a good one: nothing new once too much of the day's highest profit has been given back."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 75


@rule(
    "profit_giveback",
    code=CODE,
    limit=40.0,
    unit="% of the day's peak profit",
    explain="Expected less than {limit:g} % of the day's highest profit to be given back, was {given_back_pct:.0f} %; "
    "nothing is opened until the next day.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when too much of the day's profit is gone again, else 0."""
    return CODE if facts.opens and facts.given_back_pct >= limit else 0

"""Writes no option naked: what is sold must be covered by an option held that loses no less than it gains."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 31


@rule(
    "short_option",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected no naked short option, would be {uncovered} {symbol} short without cover; buy the hedge first, or lift short_option.",
    when="uncovered",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an order would leave more of an option sold than the account's long options cover, else 0."""
    return CODE if facts.opens and facts.uncovered > 0 else 0

"""Trades only what today's list of the broker has, as it has it: not expired, and not a token that now means something else."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 19


@rule(
    "listed",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected an instrument that trades today, was {symbol}: {not_listed}; choose it anew from the list.",
    when="not_listed",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry is for something that does not trade today, else 0; an exit is left to the broker to judge."""
    return CODE if facts.opens and facts.not_listed else 0

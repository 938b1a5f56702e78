"""Enters only while there is time to get out again: not in the first seconds of the day, nor in its last half hour."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 34


@rule(
    "entry_hours",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected entries of {symbol} {entry_hours}, was outside; exits pass, so wait for the time or lift entry_hours.",
    when="entry_hours",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry comes too early or too late in its market's day, else 0."""
    return CODE if facts.opens and facts.entry_hours else 0

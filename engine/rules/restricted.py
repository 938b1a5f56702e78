"""Opens nothing in what the trader, or an exchange's list that the trader keeps, forbids; what is only watched is told."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 36


@rule(
    "restricted",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected nothing new in {symbol}, was an entry, but it is on the list {restricted}; exits pass.",
    when="restricted",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the instrument is on a list that forbids entries, else 0."""
    return CODE if facts.opens and facts.restricted else 0

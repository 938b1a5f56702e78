"""Starts a strategy small: on its first day with real money it holds a lot and no more, whatever it asks for."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 76


@rule(
    "first_session_lots",
    code=CODE,
    limit=1.0,
    unit="lots",
    explain="Expected at most {limit:g} lots in {owner}'s first session with real money, was {quantity} {symbol}; try it small today.",
    when="is_first_session",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when a strategy's position would be too large for its first session, else 0."""
    if not (facts.opens and facts.is_first_session):
        return 0
    after = facts.held + facts.entering + facts.request.signed_quantity
    return CODE if abs(after) > limit * facts.request.instrument.lot_size else 0

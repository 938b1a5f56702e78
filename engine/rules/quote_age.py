"""Enters only on a price that is fresh: what the screen shows may be long gone."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 16

PATIENCE = 6.0
"""How much older the quote of an instrument without derivatives may be."""


@rule(
    "quote_age",
    code=CODE,
    limit=5.0,
    unit="seconds",
    explain="Expected a fresh quote of {symbol} ({limit:g} s; longer for what trades thinly), was {age}; wait for a tick.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the last quote is too old for an entry, else 0; what trades thinly may be `PATIENCE` times as old."""
    return CODE if facts.opens and not facts.quote_age_s <= allowed_age_s(facts, limit) else 0


def allowed_age_s(facts: Facts, limit: float) -> float:
    """Return how old the quote may be, in seconds."""
    return limit if facts.request.instrument.has_derivatives else PATIENCE * limit

"""Sends entries only while the instrument's market trades."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 13


@rule(
    "market_hours",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected an open market for {symbol}, was closed; send it when the market is open.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry comes while the market is closed, else 0."""
    return CODE if facts.opens and not facts.is_open else 0

"""Makes whoever is stopped out again and again pause for an hour: the market is not what the strategy takes it for."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 74


@rule(
    "loss_streak",
    code=CODE,
    limit=4.0,
    unit="stops in a row",
    explain="Expected {owner} to pause after {limit:g} losing stops in a row, was {cools_min:.0f} min too early; "
    "wait, or let it trade again.",
    when="cools_s",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE while its owner pauses, else 0."""
    return CODE if facts.opens and facts.cools_s > 0.0 else 0

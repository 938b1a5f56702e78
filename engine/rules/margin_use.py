"""Opens nothing more once the broker says that so much of the account's margin is in use."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 24


@rule(
    "margin_use",
    code=CODE,
    limit=70.0,
    unit="% of margin",
    explain="Expected at most {limit:g} % of the broker's margin in use, was {margin_pct:.1f} %; close something, or add funds.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when too much margin is in use; a broker that tells none (NaN) is not asked for it."""
    return CODE if facts.opens and facts.margin_pct > limit else 0

"""Enters nothing whose best bid and offer lie far apart: whoever gets in there does not get out at a fair price."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 37

WARN_PART = 0.4
"""Beyond this part of the limit the trader is told, and the order passes."""


@rule(
    "spread",
    code=CODE,
    limit=5.0,
    unit="% between bid and offer",
    explain="Expected bid and offer of {symbol} at most {limit:g} % apart, was {spread_pct:.1f} %; it trades too thinly to enter.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the spread is too wide for an entry; one that is not known (NaN) is judged by nothing."""
    return CODE if facts.opens and facts.spread_pct > limit else 0

"""Opens no intraday position once the day's time for closing them has come."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import Product
from engine.core.registry import rule

CODE = 12


@rule(
    "square_off_time",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected no new MIS position after the square-off time, was {quantity} {symbol}; take CNC or NRML, or wait for the next day.",
    when="is_past_square_off",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an intraday entry comes too late in the day, else 0."""
    return CODE if facts.opens and facts.is_past_square_off and facts.request.product is Product.MIS else 0

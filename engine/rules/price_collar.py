"""Refuses a limit price far on the wrong side of the market: a digit too many is a gift to somebody."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import InstrumentKind
from engine.core.registry import rule

CODE = 17

OPTIONS_MORE = 20.0 / 3.0
"""How much wider the collar of an option is."""


@rule(
    "price_collar",
    code=CODE,
    limit=3.0,
    unit="% of the last price",
    explain="Expected a price near the market's {last_price:.2f} ({limit:g} %; more for options), was {price:.2f}; check it.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry would pay much more, or take much less, than the market, else 0."""
    request = facts.request
    if not facts.opens or request.price is None:
        return 0
    around = request.trigger_price or facts.last_price
    if around <= 0.0:
        return CODE
    return CODE if request.side * (request.price - around) > around * collar_pct(facts, limit) / 100.0 else 0


def collar_pct(facts: Facts, limit: float) -> float:
    """Return the collar in percent; options move more than what they are written on."""
    is_option = facts.request.instrument.kind in (InstrumentKind.CALL, InstrumentKind.PUT)
    return OPTIONS_MORE * limit if is_option else limit

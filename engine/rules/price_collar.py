"""Refuses a limit price far on the wrong side of the market, or where the exchange does not trade: a digit too many is a gift."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import InstrumentKind
from engine.core.registry import rule

CODE = 17

NOISE = 1e-9
"""So much of a rupee is no difference in price."""

OPTIONS_MORE = 20.0 / 3.0
"""How much wider the collar of an option is."""

OPTION_RUPEES = 5.0
"""An option may be this far off in rupees, however cheap it is."""

WIDEST_BAND_PCT = 20.0
"""No share without derivatives trades further than this from its close of the day before."""


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
    if around <= 0.0 or is_outside_band(facts):
        return CODE
    off, allowed = request.side * (request.price - around), around * collar_pct(facts, limit) / 100.0
    if request.instrument.is_option:
        allowed = max(allowed, OPTION_RUPEES)
    return CODE if off > allowed + NOISE else 0


def collar_pct(facts: Facts, limit: float) -> float:
    """Return the collar in percent; options move more than what they are written on."""
    return OPTIONS_MORE * limit if facts.request.instrument.is_option else limit


def is_outside_band(facts: Facts) -> bool:
    """Tell whether a share is priced where the exchange's widest band does not let it trade; without a close before nothing is known."""
    instrument, price, close = facts.request.instrument, facts.request.price, facts.close
    if price is None or close <= 0.0 or instrument.has_derivatives or instrument.kind is not InstrumentKind.EQUITY:
        return False
    return abs(price - close) > close * WIDEST_BAND_PCT / 100.0 + NOISE

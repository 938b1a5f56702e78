"""Takes an order apart before anything is reckoned with it: whole quantities above zero, finite prices, the right kinds of value.

Asked first of all, whatever limits are given, and cannot be switched off: a NaN passes every comparison.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

from engine.core.facts import Facts
from engine.core.model import Instrument, OrderRequest, OrderType, Product, Purpose, Side, Validity, Variety
from engine.core.registry import rule

CODE = 18

MOST = 10_000_000_000
"""No order is for so many, and no price as high."""


@rule("sound_order", code=CODE, limit=1.0, unit="always", explain="Expected {unsound}")
def check(facts: Facts, limit: float) -> int:
    """Return CODE when `unsound` finds a fault, else 0."""
    return CODE if unsound(facts.request) else 0


def unsound(request: OrderRequest) -> str:
    """Say which field is no value that can be reckoned with and what was expected of it, nothing when all are sound; never raises."""
    quantity = request.quantity
    if not (type(quantity) is int and 0 < quantity < MOST) and not is_whole(quantity):
        return f"a whole quantity above 0, was {_shown(quantity)}; change it."
    if type(request.side) is not Side or type(request.order_type) is not OrderType:
        return f"BUY or SELL and a known type of order, was {_shown(request.side)} and {_shown(request.order_type)}; change it."
    if not _is_instrument(request.instrument) or type(request.product) is not Product:
        return f"an instrument and a product, was {_shown(request.instrument)} and {_shown(request.product)}; change it."
    for price in (request.price, request.trigger_price, request.reference_price, request.stop, request.target, request.trail):
        if price is not None and not is_price(price):
            return f"prices above 0, was {_shown(price)}; change it."
    return _rest(request)


def _rest(request: OrderRequest) -> str:
    kinds = (request.purpose, Purpose), (request.validity, Validity), (request.variety, Variety), (request.owner, str)
    for value, kind in kinds:
        if type(value) is not kind:
            return f"{'the name of an owner' if kind is str else f'a known {kind.__name__.lower()}'}, was {_shown(value)}; change it."
    protection = request.market_protection
    if protection is not None and not (is_price(protection) and protection <= 100.0):
        return f"a market protection above 0 and up to 100 %, was {_shown(protection)}; leave it out for the usual one."
    return ""


def is_whole(quantity: Any) -> bool:
    """Tell whether it is a whole number above 0 that an order may be for."""
    return type(quantity) is not bool and isinstance(quantity, Integral) and 0 < int(quantity) < MOST


def _is_instrument(instrument: Any) -> bool:
    return type(instrument) is Instrument and instrument.lot_size > 0 and instrument.multiplier > 0 and instrument.tick_size > 0


def is_price(price: Any) -> bool:
    """Tell whether it is a finite number above 0."""
    if type(price) is float:
        return 0.0 < price < MOST
    return type(price) is not bool and isinstance(price, (int, float)) and 0 < price < MOST


def _shown(value: Any) -> str:
    """Return a value as a person may read it, short; one whose own words may fail is named by its type."""
    if type(value) is int and abs(value) >= MOST:
        return "a number beyond all measure"
    return repr(value)[:40] if type(value) in (int, float, bool, str, type(None)) else type(value).__name__

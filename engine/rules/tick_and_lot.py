"""Sends only what an exchange would take: a known instrument, whole lots within the freeze quantity, prices on the tick grid."""

from __future__ import annotations

import math
from numbers import Integral

from engine.core.facts import Facts
from engine.core.grid import is_on_tick
from engine.core.limits import SLICES
from engine.core.model import OrderRequest, OrderType
from engine.core.registry import rule

CODE = 8


@rule(
    "tick_and_lot",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected {fault}",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when `fault` finds one, else 0."""
    return CODE if fault(facts) else 0


def fault(facts: Facts) -> str:
    """Say what was expected of the order's own fields and what was found, or nothing when they are sound."""
    request = facts.request
    instrument = request.instrument
    if not instrument.is_tradable:
        return f"something that can be traded, was the index {instrument.symbol}; take its future or an option."
    if not _is_whole(request.quantity) or request.quantity % instrument.lot_size:
        return f"a quantity in whole lots of {instrument.lot_size}, was {request.quantity}; change the quantity."
    most = instrument.freeze_quantity * (SLICES if request.is_sliced else 1)
    if 0 < most < request.quantity:
        return f"at most {most} in one order (freeze quantity), was {request.quantity}; split it."
    after, most = abs(facts.held + facts.entering + request.signed_quantity), instrument.freeze_quantity * SLICES
    if facts.opens and not facts.by_hand and 0 < most < after:
        return f"a position of at most {most}, which one sliced order can close, was {after}; want less."
    if facts.opens and not 0.0 < facts.price < math.inf:
        return f"a price by which to reckon the order's value, was none for {instrument.symbol}; wait for a tick."
    return _price_fault(request)


def _is_whole(quantity: object) -> bool:
    is_whole = type(quantity) is int or (type(quantity) is not bool and isinstance(quantity, Integral))
    return is_whole and int(quantity) > 0  # type: ignore[call-overload]


def _price_fault(request: OrderRequest) -> str:
    if request.price is None and request.order_type in (OrderType.LIMIT, OrderType.SL):
        return f"a price for a {request.order_type} order, was none; give one."
    if request.trigger_price is None and request.order_type in (OrderType.SL, OrderType.SL_M):
        return f"a trigger price for a {request.order_type} order, was none; give one."
    if request.trail is not None and not (math.isfinite(request.trail) and request.trail > 0.0):
        return f"a trailing distance above 0, was {request.trail}; change it."
    if request.price is None and request.trigger_price is None and request.stop is None and request.target is None:
        return ""
    return _grid_fault(request)


def _grid_fault(request: OrderRequest) -> str:
    for name in ("price", "trigger_price", "stop", "target"):
        price = getattr(request, name)
        if price is None:
            continue
        if not (math.isfinite(price) and price > 0.0):
            return f"a {name.replace('_', ' ')} above 0, was {price}; change it."
        if not is_on_tick.plain(price, float(request.instrument.tick_size)):
            return f"a {name.replace('_', ' ')} in steps of {request.instrument.tick_size}, was {price:g}; change it."
    return ""

"""Writes an order as Zerodha wants it, and refuses before it leaves what Zerodha or the exchange would refuse.

Pure. Orders at market are protected: they become limits around the last price, for the broker takes no others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.brokers.simulated.order_entry import lot_refusal, price_refusal, require_sense
from engine.brokers.simulated.orders import LIMITED, STOPS, Terms
from engine.core.errors import OrderRejected
from engine.core.grid import to_tick
from engine.core.model import (
    Exchange,
    Instrument,
    InstrumentKind,
    Order,
    OrderChange,
    OrderRequest,
    OrderType,
    Product,
    Side,
    Validity,
    Variety,
)

BROKERS_OWN = -1
"""Market protection as the broker sees fit."""

PROTECTED = frozenset({OrderType.MARKET, OrderType.SL_M})
STOP_LIMIT_PCT = 5.0
"""How far beyond the trigger a stop in options may fill."""

LEGS = range(2, 51)
SLICES = 10
TTL_MINUTES = range(1, 361)

_CASH = (Exchange.NSE, Exchange.BSE)
_OPTIONS = (InstrumentKind.CALL, InstrumentKind.PUT)
_MAY_NOT_BECOME = {
    OrderType.LIMIT: (OrderType.SL, OrderType.SL_M),
    OrderType.MARKET: (OrderType.SL, OrderType.SL_M),
}


def to_parameters(order: Order) -> dict[str, Any]:
    """Return the fields of a new order, its id as tag; those that do not apply are left out."""
    request = order.request
    instrument, kind = request.instrument, request.order_type
    price = request.price
    if is_stop_in_options(request):
        kind, price = OrderType.SL, stop_limit(request, request.trigger_price)
    fields = {
        "variety": request.variety.value,
        "exchange": instrument.exchange.value,
        "tradingsymbol": instrument.symbol,
        "transaction_type": request.side.name,
        "quantity": request.quantity,
        "product": request.product.value,
        "order_type": kind.value,
        "price": _plain(price) if kind in LIMITED else None,
        "trigger_price": _plain(request.trigger_price) if kind in STOPS else None,
        "validity": request.validity.value,
        "validity_ttl": request.validity_minutes if request.validity is Validity.TTL else None,
        "disclosed_quantity": request.disclosed_quantity or None,
        "iceberg_legs": request.iceberg_legs if request.variety is Variety.ICEBERG else None,
        "iceberg_quantity": _leg(request) if request.variety is Variety.ICEBERG else None,
        "market_protection": _protection(request) if kind in PROTECTED else None,
        "tag": order.id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def to_change(order: Order, change: OrderChange, order_type: OrderType) -> dict[str, Any]:
    """Return the fields of a change; `order_type` is what the order is at the broker now. A market order becomes a limit by a price."""
    wanted = change.order_type or (OrderType.LIMIT if change.price is not None and order_type is OrderType.MARKET else order_type)
    price = change.price
    if wanted is OrderType.SL and price is None and is_stop_in_options(order.request):
        price = stop_limit(order.request, change.trigger_price)
    fields = {
        "quantity": change.quantity,
        "price": _plain(price) if wanted in LIMITED else None,
        "trigger_price": _plain(change.trigger_price) if wanted in STOPS else None,
        "order_type": wanted.value,
        "market_protection": _protection(order.request) if wanted in PROTECTED else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def require_takeable(request: OrderRequest) -> None:
    """Raise OrderRejected for an order that the broker or the exchange would refuse by what it says itself."""
    require_sense(request)
    terms = Terms(
        request.order_type,
        request.price if request.order_type in LIMITED else None,
        request.trigger_price if request.order_type in STOPS else None,
    )
    refusal = _product_refusal(request) or price_refusal(request.instrument, request.side, terms)
    refusal = refusal or _quantity_refusal(request) or _kind_refusal(request)
    if refusal:
        raise OrderRejected(refusal)


def require_changeable(order: Order, change: OrderChange, order_type: OrderType) -> None:
    """Raise OrderRejected for a change that the broker would refuse; `order_type` is what the order is there now."""
    wanted = change.order_type or order_type
    refusal = ""
    if wanted in _MAY_NOT_BECOME.get(order_type, ()):
        refusal = f"Expected no change of a {order_type} order into {wanted}; cancel it and place another."
    elif change.quantity is not None and change.quantity <= order.filled:
        refusal = f"Expected a quantity above the {order.filled} that are filled, was {change.quantity}; cancel the order instead."
    elif change.quantity is not None:
        refusal = lot_refusal(order.instrument, change.quantity)
    terms = Terms(wanted, change.price, change.trigger_price)
    if refusal := refusal or price_refusal(order.instrument, order.request.side, terms):
        raise OrderRejected(refusal)


def is_stop_in_options(request: OrderRequest) -> bool:
    """Tell whether it is a stop at market in an option: exchanges take stops with a limit only."""
    return request.order_type is OrderType.SL_M and request.instrument.kind in _OPTIONS


def stop_limit(request: OrderRequest, trigger_price: float | None) -> float | None:
    """Return the limit behind the trigger that stands for "at market": some percent beyond it, on the grid."""
    if trigger_price is None:
        return None
    tick = float(request.instrument.tick_size)
    return max(tick, to_tick.plain(trigger_price * (1.0 + request.side * STOP_LIMIT_PCT / 100.0), tick))


def price_fault(instrument: Instrument, side: Side, prices: Iterable[float]) -> str:
    """Say what is wrong with prices, by the grid; empty when nothing is."""
    for price in prices:
        if not (math.isfinite(price) and price > 0.0):
            return f"Expected a price above 0, was {price:g}."
        if wrong := price_refusal(instrument, side, Terms(OrderType.LIMIT, price)):
            return wrong
    return ""


def slices(quantity: int, instrument: Instrument) -> int:
    """Return into how many orders a quantity is cut: each of at most the freeze quantity, in whole lots."""
    most = instrument.freeze_quantity // instrument.lot_size * instrument.lot_size
    return -(-quantity // most) if most > 0 else 1


def _product_refusal(request: OrderRequest) -> str:
    instrument, product = request.instrument, request.product
    is_cash = instrument.exchange in _CASH
    if product is Product.NRML and is_cash:
        return "Expected CNC, MIS or MTF for shares, was NRML; NRML carries futures and options."
    if product in (Product.CNC, Product.MTF) and not is_cash:
        return f"Expected NRML or MIS for futures and options, was {product}."
    return ""


def _quantity_refusal(request: OrderRequest) -> str:
    instrument, quantity = request.instrument, request.quantity
    if request.is_sliced:
        if slices(quantity, instrument) > SLICES:
            return f"Expected at most {SLICES} slices of the freeze quantity of {instrument.freeze_quantity}, was {quantity}; send less."
        return lot_refusal(replace(instrument, freeze_quantity=0), quantity)
    if request.variety is Variety.ICEBERG:
        legs = request.iceberg_legs
        if legs not in LEGS:
            return f"Expected {LEGS.start} to {LEGS.stop - 1} legs of an iceberg, was {legs}."
        if -(-quantity // _leg(request)) != legs:
            return f"Expected a quantity that {legs} legs of whole lots of {instrument.lot_size} share, was {quantity}; take fewer legs."
        return lot_refusal(instrument, _leg(request))
    return lot_refusal(instrument, quantity)


def _kind_refusal(request: OrderRequest) -> str:
    exchange, kind, validity = request.instrument.exchange, request.order_type, request.validity
    if validity is Validity.IOC and exchange is Exchange.MCX:
        return "Expected validity DAY for commodities, was IOC; the exchange takes none from programs."
    if validity is Validity.TTL and request.validity_minutes not in TTL_MINUTES:
        return f"Expected {TTL_MINUTES.start} to {TTL_MINUTES.stop - 1} minutes for validity TTL, was {request.validity_minutes}."
    if request.variety is Variety.ICEBERG and kind is OrderType.SL_M:
        return "Expected LIMIT, MARKET or SL for an iceberg, was SL-M."
    protection = request.market_protection
    if protection is not None and not 0.0 < protection <= 100.0:
        return f"Expected a market protection above 0 and up to 100 %, was {protection:g}; leave it out for the broker's own."
    return ""


def _leg(request: OrderRequest) -> int:
    """Return the quantity of a leg, in whole lots; the last one is what is left."""
    lot = request.instrument.lot_size
    return -(-request.quantity // (request.iceberg_legs * lot)) * lot if request.iceberg_legs else 0


def _protection(request: OrderRequest) -> float:
    return BROKERS_OWN if request.market_protection is None else request.market_protection


def _plain(price: float | None) -> float | None:
    """Return a price without the noise of floating point, which the broker would take for a price off the grid."""
    return None if price is None else round(price, 4)

"""What an exchange refuses at the door: prices off the grid, odd lots, too much at once, changes that make no sense.

Pure checks; a refusal says what was expected. What makes no sense at all raises, what breaks a rule of the exchange is rejected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.brokers.simulated.orders import LIMITED, STOPS, ExchangeOrder, Terms
from engine.core.errors import OrderRejected
from engine.core.grid import is_on_tick
from engine.core.limits import SLICES
from engine.core.model import Instrument, OrderChange, OrderRequest, OrderType, Side

_MAY_BECOME = {OrderType.MARKET: {OrderType.MARKET}, OrderType.LIMIT: {OrderType.LIMIT, OrderType.MARKET}}
"""What an order may be modified into; a stop may become anything."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A working order as it will be after a change."""

    quantity: int
    terms: Terms


def require_sense(request: OrderRequest) -> None:
    """Raise OrderRejected for an order that no exchange could even read."""
    if request.quantity <= 0:
        raise OrderRejected(f"Expected a quantity above 0, was {request.quantity}.")
    if not request.instrument.is_tradable:
        raise OrderRejected(f"Expected something that trades, was {request.instrument.key}; an index can only be watched.")
    wrong = _missing(request.order_type, request.price, request.trigger_price)
    if wrong:
        raise OrderRejected(wrong)


def price_refusal(instrument: Instrument, side: Side, terms: Terms) -> str:
    """Say what is wrong with the prices of an order, by the grid and by each other; empty when nothing is."""
    tick = float(instrument.tick_size)
    for name, price in (("price", terms.price), ("trigger price", terms.trigger_price)):
        if price is not None and not is_on_tick(price, tick):
            return f"Expected a {name} in steps of {instrument.tick_size}, was {price:g}."
    price, trigger = terms.price, terms.trigger_price
    if terms.order_type is OrderType.SL and price is not None and trigger is not None and (price - trigger) * side < 0:
        word = "above" if side is Side.BUY else "below"
        return f"Expected a limit at or {word} the trigger of {trigger:g}, was {price:g}."
    return ""


def lot_refusal(instrument: Instrument, quantity: int, is_sliced: bool = False) -> str:
    """Say what is wrong with a quantity, by lot and freeze quantity; empty when nothing is.

    A sliced one may be several times the freeze quantity.
    """
    if quantity % instrument.lot_size:
        return f"Expected a multiple of the lot of {instrument.lot_size}, was {quantity}."
    if is_sliced and 0 < SLICES * instrument.freeze_quantity < quantity:
        return f"Expected at most {SLICES} slices of {instrument.freeze_quantity}, was {quantity}; send several orders."
    if not is_sliced and instrument.must_slice(quantity):
        return f"Expected at most the freeze quantity of {instrument.freeze_quantity}, was {quantity}; slice the order."
    return ""


def changed(order: ExchangeOrder, change: OrderChange) -> Changed:
    """Return what a working order will be after a change; raises OrderRejected when that makes no sense."""
    order_type = change.order_type or order.order_type
    if order_type not in _MAY_BECOME.get(order.order_type, set(OrderType)):
        raise OrderRejected(f"Expected no change of a {order.order_type} order into {order_type}; cancel it and place another.")
    price = (change.price if change.price is not None else order.price) if order_type in LIMITED else None
    trigger = (change.trigger_price if change.trigger_price is not None else order.trigger_price) if order_type in STOPS else None
    quantity = change.quantity if change.quantity is not None else order.quantity
    terms = Terms(order_type, price, trigger)
    wrong = _missing(order_type, price, trigger) or price_refusal(order.instrument, order.side, terms)
    if quantity <= order.filled:
        wrong = wrong or f"Expected a quantity above the {order.filled} that are filled, was {quantity}; cancel the order instead."
    wrong = wrong or lot_refusal(order.instrument, quantity, order.is_sliced)
    if wrong:
        raise OrderRejected(wrong)
    return Changed(quantity, terms)


def _missing(order_type: OrderType, price: float | None, trigger_price: float | None) -> str:
    wanted = (("price", price, LIMITED), ("trigger price", trigger_price, STOPS))
    for name, value, types in wanted:
        if order_type in types and (value is None or not math.isfinite(value) or value <= 0):
            return f"Expected a {name} above 0 for an order of type {order_type}, was {value}."
    return ""

"""Puts its share of the order's charges on every fill, as the broker bills them: reckoned on all that has filled so far.

The law of costs is in core; which rates hold on a day is the tariff's. An order's fills add up to the order's charges, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from engine.clock import ist
from engine.core.costs import NO_CHARGES, order_charges
from engine.core.model import BrokerFill, Fill, Instrument, Order, OrderRequest, Product, to_units
from engine.core.records import Rows

RatesOf: TypeAlias = Callable[[Instrument, Product, date], Rows]
"""Returns the RATES (one row) that hold on a day."""


def free_of_charge(instrument: Instrument, product: Product, on: date) -> Rows:
    """Return rates under which nothing costs anything."""
    return NO_CHARGES


def charges_of(request: OrderRequest, rates_of: RatesOf, on: date) -> int:
    """Return what a request would cost in money units if it filled in full at its own price, or at the last one when it has none."""
    price = request.price or request.trigger_price or request.reference_price or 0.0
    value_units = to_units(price) * request.quantity * request.instrument.multiplier
    return int(order_charges(rates_of(request.instrument, request.product, on)[0], int(request.side), request.quantity, value_units))


@dataclass(slots=True)
class _Sofar:
    """What has filled of an order, and the money and charges of its present slice: each is charged as an order of its own."""

    quantity: int = 0
    value_units: int = 0
    charges_units: int = 0

    def add(self, quantity: int, value_units: int, freeze: int) -> None:
        """Take in one execution; the freeze quantity is the length of a slice, 0 = there are none."""
        if freeze and self.quantity % freeze == 0:
            self.value_units = self.charges_units = 0
        self.quantity += quantity
        self.value_units += value_units


class Charging:
    """Charges of orders, as far as they have filled."""

    def __init__(self, rates_of: RatesOf = free_of_charge) -> None:
        self._rates_of = rates_of
        self._orders: dict[str, _Sofar] = {}

    def restore(self, fills: Iterable[Fill]) -> None:
        """Take note of fills that were charged before."""
        for fill in fills:
            sofar = self._orders.setdefault(fill.order_id, _Sofar())
            sofar.add(fill.quantity, fill.value_units, fill.instrument.freeze_quantity)
            sofar.charges_units += fill.charges_units

    def begin_anew(self, order_id: str, fills: Iterable[Fill]) -> None:
        """Reckon an order from these executions on: another one of it was taken back."""
        self._orders.pop(order_id, None)
        self.restore(fill for fill in fills if fill.order_id == order_id)

    def fill_of(self, order: Order, made: BrokerFill) -> Fill:
        """Turn one execution of an order into a Fill, with its share of the charges."""
        request, instrument = order.request, order.request.instrument
        price_units = to_units(made.price)
        sofar = self._orders.setdefault(order.id, _Sofar())
        sofar.add(made.quantity, price_units * made.quantity * instrument.multiplier, instrument.freeze_quantity)
        rates = self._rates_of(instrument, request.product, ist(made.time_ns).date())
        total = int(order_charges(rates[0], int(request.side), sofar.quantity, sofar.value_units))
        share, sofar.charges_units = total - sofar.charges_units, total
        return Fill(
            trade_id=made.trade_id,
            order_id=order.id,
            instrument=instrument,
            side=request.side,
            quantity=made.quantity,
            price_units=price_units,
            charges_units=share,
            time_ns=made.time_ns,
            product=request.product,
            owner=request.owner,
            purpose=request.purpose,
        )

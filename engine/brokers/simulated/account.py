"""The account at the simulated broker: cash, positions and charges, reckoned from fills and from nothing else.

It is the broker's own book, kept apart from the session's, so that one can be held against the other.
"""

from __future__ import annotations

from engine.brokers.simulated.orders import ExchangeOrder
from engine.clock import ist
from engine.core.costs import order_charges
from engine.core.grid import price_units
from engine.core.ledger import apply
from engine.core.model import EXTERNAL, BrokerFill, Fill, Position, Product, Purpose
from engine.tariffs import Tariff


class ExchangeAccount:
    """Cash, net positions by (key, product), and what trading has cost; all in money units."""

    def __init__(self, tariff: Tariff, capital_units: int = 0) -> None:
        """Begin flat with that much cash; `tariff` says what a fill costs."""
        self._tariff = tariff
        self.cash_units = capital_units
        self.charges_units = 0
        self._positions: dict[tuple[str, Product], Position] = {}

    def positions(self) -> list[Position]:
        """List the net positions, flat ones of the day included."""
        return list(self._positions.values())

    def charges(self, order: ExchangeOrder, time_ns: int) -> int:
        """Return the charges of an order, or of its present slice, on all of its fills so far, by the tariff of that day."""
        rates = self._tariff.rates(order.instrument, order.product, ist(time_ns).date())
        return int(order_charges(rates[0], int(order.side), order.filled, order.slice_value_units * order.instrument.multiplier))

    def book(self, order: ExchangeOrder, fill: BrokerFill, charges_units: int) -> None:
        """Take a fill into cash and position; `charges_units` is its own share of the order's charges."""
        entry = Fill(
            trade_id=fill.trade_id,
            order_id=order.tag,
            instrument=order.instrument,
            side=order.side,
            quantity=fill.quantity,
            price_units=price_units(fill.price),
            charges_units=charges_units,
            time_ns=fill.time_ns,
            product=order.product,
            owner=EXTERNAL,
            purpose=Purpose.ENTRY,
        )
        held = (order.instrument.key, order.product)
        position = self._positions.get(held) or Position(order.instrument, order.product)
        self._positions[held], _ = apply(position, entry)
        self.cash_units -= int(order.side) * entry.value_units + charges_units
        self.charges_units += charges_units

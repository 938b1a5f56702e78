"""The exchange's desk: takes orders in, refuses what it must, and says of each what became of it.

Where and at what price orders trade is the venue's affair (bars, quotes or a live book); the desk keeps their states, the fills, the
account and the file, so that these are the same whatever the market is made of.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from engine.brokers.simulated.account import ExchangeAccount
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.order_entry import changed, lot_refusal, price_refusal, require_sense
from engine.brokers.simulated.orders import ExchangeOrder
from engine.brokers.simulated.wire import Wire
from engine.clock import Clock, ist
from engine.core.errors import OrderRejected
from engine.core.grid import price_units
from engine.core.model import BrokerFill, Order, OrderChange, OrderStatus, OrderUpdate


class Venue(Protocol):
    """Where orders meet the market."""

    @property
    def stage(self) -> int:
        """Which part of a replayed step is being played; 0 where there are none."""
        ...

    @property
    def delay_bars(self) -> int:
        """How many bars go by until an order that is received now has come to the market."""
        ...

    def attach(self, desk: Exchange) -> None:
        """Report fills to this desk."""
        ...

    def refuse(self, order: ExchangeOrder) -> str:
        """Say why this market does not take an order now; empty when it does."""
        ...

    def add(self, order: ExchangeOrder) -> None:
        """Take an accepted order: let it trade with what is there, or wait."""
        ...

    def restore(self, order: ExchangeOrder) -> None:
        """Take an order that waited here before the broker was closed."""
        ...

    def remove(self, order: ExchangeOrder) -> None:
        """Let an order wait no longer, if it does."""
        ...

    def change(self, order: ExchangeOrder, keeps_place: bool) -> None:
        """Take note of a modified order; one that does not keep its place goes to the end of the queue."""
        ...


class Exchange:
    """All orders of one account at one venue."""

    def __init__(self, clock: Clock, venue: Venue, account: ExchangeAccount, file: LedgerFile, wire: Wire) -> None:
        """Open the desk on what the file remembers."""
        self.clock = clock
        self.account = account
        self._wire = wire
        self._file = file
        self._venue = venue
        self._orders: dict[str, ExchangeOrder] = {}
        self._by_tag: dict[str, ExchangeOrder] = {}
        venue.attach(self)
        self._restore()

    def place(self, order: Order) -> str:
        """Take an order in and return its number; raises OrderRejected when it makes no sense at all.

        What the rules of the exchange refuse gets a number too, and a REJECTED update.
        """
        require_sense(order.request)
        self._file.order_number += 1
        now_ns = self.clock.now_ns()
        number = f"{ist(now_ns):%y%m%d}{self._file.mark}{self._file.order_number:07d}"
        own = ExchangeOrder.received(order, number, self._file.order_number, now_ns)
        own.placed_stage, own.delay_bars = self._venue.stage, self._venue.delay_bars
        self._orders[own.id] = self._by_tag[own.tag] = own
        own.message = self._refusal(own)
        own.status = OrderStatus.REJECTED if own.message else own.resting_status
        self._say(own)
        if not own.message:
            self._venue.add(own)
        self._file.commit()
        return own.id

    def modify(self, order: Order, change: OrderChange) -> None:
        """Change a working order; raises OrderRejected when it is over or the change makes no sense.

        A new price or trigger, or a larger quantity, costs its place in the queue.
        """
        own = self._working(order)
        after = changed(own, change)
        keeps_place = after.quantity <= own.quantity and after.terms == own.terms
        own.quantity, own.terms = after.quantity, after.terms
        own.status = own.resting_status
        if not keeps_place:
            own.placed_ns, own.placed_stage = self.clock.now_ns(), self._venue.stage
        self._say(own)
        self._venue.change(own, keeps_place)
        self._file.commit()

    def cancel(self, order: Order) -> None:
        """Cancel a working order; raises OrderRejected when it is over."""
        self.end(self._working(order), OrderStatus.CANCELLED)
        self._file.commit()

    def fill(self, order: ExchangeOrder, quantity: int, price: float, time_ns: int) -> None:
        """Book one execution of an order; the venue sees to it that no more than what remains is filled."""
        self._file.trade_number += 1
        made = BrokerFill(f"{self._file.mark}{self._file.trade_number:08d}", quantity, price, time_ns)
        order.add_to_slice(price_units(price) * quantity, order.filled)
        order.filled += quantity
        order.value_units += price_units(price) * quantity
        order.is_triggered = True
        order.fills.append(made)
        order.status = OrderStatus.FILLED if order.filled >= order.quantity else OrderStatus.PARTIAL
        total = self.account.charges(order, time_ns)
        share, order.slice_charges_units = total - order.slice_charges_units, total
        order.charges_units += share
        self.account.book(order, made, share)
        self._file.put_fill(order.id, made, share)
        self._say(order, (made,))

    def trigger(self, order: ExchangeOrder) -> None:
        """Note that a stop's trigger was reached; from now on it is a limit or market order."""
        order.is_triggered = True
        order.status = order.resting_status
        self._say(order)

    def end(self, order: ExchangeOrder, status: OrderStatus, message: str = "") -> None:
        """Take an order out of the market: cancelled, expired or refused."""
        self._venue.remove(order)
        order.status = status
        order.message = message
        self._say(order)

    def end_day(self, before_ns: int) -> None:
        """Let all orders that still wait since before that time expire: they were good for their day."""
        for order in self.working():
            if order.created_ns < before_ns:
                self.end(order, OrderStatus.EXPIRED, "The session is over; place the order again.")
        self._file.commit()

    def forget_before(self, time_ns: int) -> None:
        """Drop finished orders of earlier days from the day's list; the file keeps them."""
        for order in [o for o in self._orders.values() if o.status.is_terminal and o.created_ns < time_ns]:
            del self._orders[order.id]
            self._by_tag.pop(order.tag, None)

    def working(self) -> list[ExchangeOrder]:
        """List the orders that may still fill, in placing order."""
        return [order for order in self._orders.values() if not order.status.is_terminal]

    def traded(self, key: str, time_ns: int) -> list[BrokerFill]:
        """List what was traded of an instrument at exactly that time."""
        orders = (order for order in self._orders.values() if order.instrument.key == key)
        return [fill for order in orders for fill in order.fills if fill.time_ns == time_ns]

    def snapshots(self) -> list[OrderUpdate]:
        """List all orders of the day with all their fills."""
        return [order.snapshot() for order in self._orders.values()]

    def _say(self, order: ExchangeOrder, fills: tuple[BrokerFill, ...] = ()) -> None:
        # However somebody sets the clock, what comes later is newer.
        order.updated_ns = max(order.updated_ns, self.clock.now_ns())
        self._file.put_order(order)
        self._wire.send(order.update(fills))

    def _refusal(self, own: ExchangeOrder) -> str:
        own_fault = price_refusal(own.instrument, own.side, own.terms) or lot_refusal(own.instrument, own.quantity, own.is_sliced)
        return own_fault or self._venue.refuse(own)

    def _working(self, order: Order) -> ExchangeOrder:
        own = self._orders.get(order.broker_order_id) or self._by_tag.get(order.id)
        if own is None:
            raise OrderRejected(f"Expected an order of this exchange, was {order.broker_order_id or order.id}; it was never placed here.")
        if own.status.is_terminal:
            raise OrderRejected(f"Expected a working order, was {own.status.value.lower()}; {own.id} can no longer be changed.")
        return own

    def _restore(self) -> None:
        for order in self._file.orders():
            self._orders[order.id] = self._by_tag[order.tag] = order
        filled: Counter[str] = Counter()
        for order_id, fill, charges_units in self._file.fills():
            order = self._orders[order_id]
            self.account.book(order, fill, charges_units)
            order.add_to_slice(price_units(fill.price) * fill.quantity, filled[order_id])
            order.slice_charges_units += charges_units
            filled[order_id] += fill.quantity
        for order in self.working():
            self._venue.restore(order)

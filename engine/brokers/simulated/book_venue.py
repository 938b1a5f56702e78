"""Where orders meet a live market: its depth and its trades, through one limit order book an instrument.

The market's own liquidity is shown in the book (a generated market's, or the five levels of a feed); what trades elsewhere is told to
it. An order at market that finds too little waits for more; a feed without depth fills it at the last price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from engine.brokers.simulated.exchange import Exchange
from engine.brokers.simulated.order_book import Entry, Execution, Levels, OrderBook
from engine.brokers.simulated.orders import ExchangeOrder
from engine.clock import Clock
from engine.core.grid import price_units
from engine.core.matching import is_better, is_beyond
from engine.core.model import UNITS, OrderStatus, Side, Validity


@dataclass(slots=True)
class _Place:
    """One instrument's book, and the orders that are not in it: stops, and orders at market that wait for liquidity."""

    book: OrderBook = field(default_factory=OrderBook)
    entries: dict[str, Entry] = field(default_factory=dict)
    orders: dict[str, ExchangeOrder] = field(default_factory=dict)
    """All working orders of this instrument, in placing order."""
    last: int = 0
    has_depth: bool = False


class BookVenue:
    """The books of all instruments."""

    stage = 0

    def __init__(
        self, clock: Clock, gate: Callable[[ExchangeOrder], str] = lambda order: "", *, touch: bool = False, limited: bool = True
    ) -> None:
        """Open empty books.

        `gate` says why an order is not taken now (market closed), or nothing. `touch`: a trade at its price fills a resting limit, not
        only one beyond it. `limited`: no more is filled than depth and trades have shown; otherwise the rest fills at the worst of it.
        """
        self._clock = clock
        self._gate = gate
        self._touch = touch
        self._limited = limited
        self._places: dict[str, _Place] = {}
        self._desk: Exchange | None = None

    @property
    def desk(self) -> Exchange:
        """Where fills are reported."""
        assert self._desk is not None
        return self._desk

    def attach(self, desk: Exchange) -> None:
        """Report fills to this desk."""
        self._desk = desk

    def book(self, key: str) -> OrderBook:
        """Return the book of an instrument, an empty one for a new one."""
        return self._place(key).book

    def is_idle(self, key: str) -> bool:
        """Tell whether no order works in this instrument."""
        place = self._places.get(key)
        return place is None or not place.orders

    def busy_keys(self) -> Iterable[str]:
        """Walk over the instruments in which orders work."""
        return [key for key, place in self._places.items() if place.orders]

    def refuse(self, order: ExchangeOrder) -> str:
        """Ask the gate."""
        return self._gate(order)

    def add(self, order: ExchangeOrder) -> None:
        """Let an order trade with what is there; the rest waits, or is cancelled when it may not."""
        place = self._place(order.instrument.key)
        place.orders[order.id] = order
        if order.is_waiting:
            self._pull_triggers(place)
        else:
            self._enter(place, order)
            self._pull_triggers(place)

    def restore(self, order: ExchangeOrder) -> None:
        """Let an order of before wait; it trades when the market is next heard."""
        place = self._place(order.instrument.key)
        place.orders[order.id] = order
        if not order.is_waiting and order.limit_units is not None:
            self._rest(place, order, order.limit_units)

    def remove(self, order: ExchangeOrder) -> None:
        """Let an order wait no longer."""
        place = self._place(order.instrument.key)
        place.orders.pop(order.id, None)
        entry = place.entries.pop(order.id, None)
        if entry is not None:
            place.book.remove(entry)

    def change(self, order: ExchangeOrder, keeps_place: bool) -> None:
        """Take note of a smaller quantity in place; anything else is entered anew, and may trade at once."""
        place = self._place(order.instrument.key)
        if not keeps_place:
            self.remove(order)
            self.add(order)
        elif (entry := place.entries.get(order.id)) is not None:
            place.book.side(order.side).change(entry, order.remaining)

    def show(self, key: str, bids: Levels, asks: Levels) -> None:
        """Make the market's own liquidity what is given, as (price in units, quantity) with the best first; orders trade with it."""
        place = self._place(key)
        place.has_depth = bool(bids or asks)
        self._book_makers(place, place.book.show(bids, asks))
        self._let_waiting_trade(place)

    def trade(self, key: str, price: int, quantity: int) -> None:
        """Take note of a trade made elsewhere: it fills the orders it went through, and pulls triggers."""
        place = self._place(key)
        place.last = price
        if place.orders:
            self._book_makers(place, place.book.trade_through(price, quantity if self._limited else 1 << 62, self._touch))
            self._pull_triggers(place)
            self._let_waiting_trade(place)

    def aggress(self, key: str, side: Side, quantity: int, limit: int | None = None) -> list[Execution]:
        """Let somebody else's order trade with the book; returns the trades."""
        place = self._place(key)
        trades = place.book.take(side, quantity, limit)
        if trades:
            place.last = trades[-1].price
            self._book_makers(place, trades)
            self._pull_triggers(place)
        return trades

    def _place(self, key: str) -> _Place:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place()
        return place

    def _enter(self, place: _Place, order: ExchangeOrder) -> None:
        """Trade what can be traded now; cancel or keep the rest."""
        limit = order.limit_units
        worst = 0
        for trade in place.book.take(order.side, order.remaining, limit):
            self._book(place, order, trade.quantity, trade.price)
            self._book_makers(place, [trade])
            worst = trade.price
        if not worst and not place.has_depth and place.last and (limit is None or self._is_at_last(place, order, limit)):
            worst = place.last
            self._book(place, order, order.remaining, worst)
        elif worst and not self._limited and order.remaining:
            self._book(place, order, order.remaining, worst)
        if not order.remaining:
            return
        if order.validity is Validity.IOC:
            self.desk.end(order, OrderStatus.CANCELLED, "Nobody took the rest at its price; IOC orders do not wait.")
        elif limit is not None:
            self._rest(place, order, limit)

    def _is_at_last(self, place: _Place, order: ExchangeOrder, limit: int) -> bool:
        return bool(is_better(int(order.side), float(place.last), float(limit), self._touch))

    def _rest(self, place: _Place, order: ExchangeOrder, limit: int) -> None:
        entry = place.entries[order.id] = Entry(order.side, limit, order.remaining, order.id)
        place.book.rest(entry)

    def _book_makers(self, place: _Place, trades: Iterable[Execution]) -> None:
        for trade in trades:
            if trade.maker.owner:
                self._book(place, place.orders[trade.maker.owner], trade.quantity, trade.price)

    def _book(self, place: _Place, order: ExchangeOrder, quantity: int, price: int) -> None:
        is_done = quantity >= order.remaining
        if is_done:
            place.orders.pop(order.id, None)
            place.entries.pop(order.id, None)
        self.desk.fill(order, quantity, price / UNITS, self._clock.now_ns())

    def _pull_triggers(self, place: _Place) -> None:
        """Enter the stops that the last price has reached, in placing order."""
        while place.last:
            last = place.last / UNITS
            hit = next((o for o in place.orders.values() if o.is_waiting and is_beyond(int(o.side), last, o.trigger_price or 0.0)), None)
            if hit is None:
                return
            self.desk.trigger(hit)
            self._enter(place, hit)

    def _let_waiting_trade(self, place: _Place) -> None:
        """Give orders at market that found too little another chance."""
        for order in list(place.orders.values()):
            if order.limit_units is None and not order.is_waiting and order.remaining:
                self._enter(place, order)


def levels_of(prices: Iterable[tuple[float, int]]) -> Levels:
    """Turn levels of a feed, (price in rupees, quantity), into a book's; empty and impossible ones are left out."""
    seen: dict[int, int] = {}
    for price, quantity in prices:
        if quantity > 0 and price > 0:
            units = price_units(price)
            seen[units] = seen.get(units, 0) + quantity
    return list(seen.items())

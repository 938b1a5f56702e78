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

_NO_LIMIT = 1 << 62
_HIGHEST_PRICE = 1e12


@dataclass(slots=True)
class _Place:
    """One instrument's book, and the orders that are not in it: stops, and orders at market that wait for liquidity."""

    key: str
    book: OrderBook = field(default_factory=OrderBook)
    entries: dict[str, Entry] = field(default_factory=dict)
    orders: dict[str, ExchangeOrder] = field(default_factory=dict)
    """All working orders of this instrument, in placing order."""
    last: int = 0
    has_depth: bool = False
    shown: dict[tuple[Side, int], int] = field(default_factory=dict)
    """What a market elsewhere showed last, by side and price."""


class BookVenue:
    """The books of all instruments."""

    stage = 0
    delay_bars = 0

    def __init__(
        self,
        clock: Clock,
        gate: Callable[[ExchangeOrder], str] = lambda order: "",
        *,
        tape: Callable[[str, int, int], None] | None = None,
        touch: bool = False,
        limited: bool = True,
    ) -> None:
        """Open empty books.

        `gate` says why an order is not taken now (market closed), or nothing. `tape(key, price in units, quantity)` is told of every
        trade when these books are the market itself; without it they mirror one that trades elsewhere. `touch`: a trade elsewhere at
        its price fills a resting limit, not only one beyond it. `limited`: no more is filled than depth and trades have shown;
        otherwise the rest fills at the worst of it.
        """
        self.clock = clock
        self._gate = gate
        self._tape = tape
        self._touch = touch
        self._limited = limited
        self._places: dict[str, _Place] = {}
        self._desk: Exchange | None = None
        self.on_first_order: Callable[[str], None] = lambda key: None
        """Brings a book up to date before an order comes to an instrument that had none."""

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
        if not place.orders:
            self.on_first_order(place.key)
        place.orders[order.id] = order
        if not order.is_waiting:
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
        """Make the liquidity of a market that lives in these books what is given, best first; orders trade with it."""
        place = self._place(key)
        place.has_depth = bool(bids or asks)
        self._book_trades(place, place.book.show(bids, asks))
        self._let_orders_trade(place)

    def hear(self, key: str, price: int, traded: int, depth: tuple[Levels, Levels] | None) -> None:
        """Take over what a market elsewhere tells: the last price, how much was traded since, and what it offers now.

        The trade fills the orders it went through; then orders meet the new depth. Prices are in units, levels (price, quantity) with
        the best first; `depth` None says nothing about it.
        """
        place = self._place(key)
        place.last = price or place.last
        if traded and price:
            quantity = traded if self._limited else _NO_LIMIT
            self._book_trades(place, place.book.trade_through(price, quantity, self._touch))
        if depth is not None:
            place.has_depth = bool(depth[0] or depth[1])
            self._book_trades(place, place.book.show(*_left_of(place, *depth)))
        self._let_orders_trade(place)

    def aggress(self, key: str, side: Side, quantity: int, limit: int | None = None) -> None:
        """Let somebody else's order trade with the book."""
        place = self._place(key)
        self._book_trades(place, place.book.take(side, quantity, limit))
        self._pull_triggers(place)

    def _place(self, key: str) -> _Place:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place(key)
        return place

    def _enter(self, place: _Place, order: ExchangeOrder) -> None:
        """Trade what can be traded now; cancel or keep the rest."""
        limit = order.limit_units
        worst = 0
        for trade in place.book.take(order.side, order.remaining, limit):
            self._book(place, order, trade.quantity, trade.price)
            self._book_trades(place, [trade])
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

    def _book_trades(self, place: _Place, trades: Iterable[Execution]) -> None:
        """Fill the orders that waited, and put the trades on the tape."""
        for trade in trades:
            if trade.maker.owner:
                self._book(place, place.orders[trade.maker.owner], trade.quantity, trade.price)
            if self._tape is not None:
                place.last = trade.price
                self._tape(place.key, trade.price, trade.quantity)

    def _book(self, place: _Place, order: ExchangeOrder, quantity: int, price: int) -> None:
        if quantity >= order.remaining:
            place.orders.pop(order.id, None)
            place.entries.pop(order.id, None)
        self.desk.fill(order, quantity, price / UNITS, self.clock.now_ns())

    def _pull_triggers(self, place: _Place) -> None:
        """Enter the stops that the last price has reached, in placing order."""
        while place.last and place.orders:
            last = place.last / UNITS
            hit = next((o for o in place.orders.values() if o.is_waiting and is_beyond(int(o.side), last, o.trigger_price or 0.0)), None)
            if hit is None:
                return
            self.desk.trigger(hit)
            self._enter(place, hit)

    def _let_orders_trade(self, place: _Place) -> None:
        """Enter the stops that were reached, and give orders at market that found too little another chance."""
        if not place.orders:
            return
        self._pull_triggers(place)
        for order in list(place.orders.values()):
            if order.limit_units is None and not order.is_waiting and order.remaining:
                self._enter(place, order)


def levels_of(prices: Iterable[tuple[float, int]]) -> Levels:
    """Turn levels of a feed, (price in rupees, quantity), into a book's; empty and impossible ones are left out."""
    seen: dict[int, int] = {}
    for price, quantity in prices:
        if quantity > 0 and 0 < price < _HIGHEST_PRICE:
            units = price_units(price)
            seen[units] = seen.get(units, 0) + quantity
    return list(seen.items())


def _left_of(place: _Place, bids: Levels, asks: Levels) -> tuple[Levels, Levels]:
    """Leave of a level only what orders have not taken yet, until it is shown differently: a mirror cannot be taken from twice."""
    sides = ((Side.BUY, bids), (Side.SELL, asks))
    left = [[(price, _left(place, side, price, quantity)) for price, quantity in levels] for side, levels in sides]
    place.shown = {(side, price): quantity for side, levels in sides for price, quantity in levels}
    return left[0], left[1]


def _left(place: _Place, side: Side, price: int, quantity: int) -> int:
    if place.shown.get((side, price)) != quantity:
        return quantity
    entry = place.book.side(side).shown(price)
    return entry.remaining if entry is not None else 0

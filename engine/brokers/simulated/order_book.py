"""The limit order book of one instrument: who trades with whom, at what price, and who waits.

Better prices first, at one price the earlier order first; a trade is made at the price of the order that waited. Prices are whole
money units, so that equal means equal. The book knows quantities only: what a trade does to an order or an account is not its affair.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from engine.core.model import Side

Levels = Sequence[tuple[int, int]]
"""(price, quantity) of one side, at most one row a price."""


@dataclass(slots=True, eq=False)
class Entry:
    """One order that waits in the book; `owner` is the order's id, or empty for the market's own liquidity."""

    side: Side
    price: int
    remaining: int
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One trade: an incoming order met `maker` at the maker's price."""

    maker: Entry
    quantity: int
    price: int


@dataclass(slots=True)
class _Level:
    """All that waits at one price, in order of arrival (a dict keeps it, and gives up any of them at once)."""

    entries: dict[Entry, None] = field(default_factory=dict)
    quantity: int = 0
    shown: Entry | None = None


class BookSide:
    """One side of the book."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._levels: dict[int, _Level] = {}
        # Prices times -1 for bids: ascending, the best is always the first.
        self._ranks: list[int] = []

    def prices(self) -> Iterator[int]:
        """Walk over the prices at which something waits, best first."""
        return (-self.side * rank for rank in self._ranks)

    @property
    def best(self) -> int | None:
        """Return the best price, None when nothing waits."""
        return -self.side * self._ranks[0] if self._ranks else None

    def quantity_at(self, price: int) -> int:
        """Return how much waits at a price."""
        level = self._levels.get(price)
        return level.quantity if level is not None else 0

    def orders_at(self, price: int) -> int:
        """Return how many entries wait at a price."""
        level = self._levels.get(price)
        return len(level.entries) if level is not None else 0

    def add(self, entry: Entry) -> None:
        """Put an entry last in the queue at its price."""
        level = self._levels.get(entry.price)
        if level is None:
            level = self._levels[entry.price] = _Level()
            insort(self._ranks, -self.side * entry.price)
        level.entries[entry] = None
        level.quantity += entry.remaining
        if not entry.owner:
            level.shown = entry

    def change(self, entry: Entry, remaining: int) -> None:
        """Set what is left of an entry, which keeps its place; with nothing left it goes."""
        level = self._levels[entry.price]
        level.quantity += remaining - entry.remaining
        entry.remaining = remaining
        if remaining > 0:
            return
        del level.entries[entry]
        if level.shown is entry:
            level.shown = None
        if not level.entries:
            del self._levels[entry.price]
            del self._ranks[bisect_left(self._ranks, -self.side * entry.price)]

    def first(self) -> Entry:
        """Return the entry that trades next; the side must not be empty."""
        return next(iter(self._levels[-self.side * self._ranks[0]].entries))

    def shown(self, price: int) -> Entry | None:
        """Return the market's own entry at a price."""
        level = self._levels.get(price)
        return level.shown if level is not None else None

    def withdraw(self, kept: Iterable[int]) -> None:
        """Take out the market's own entries at all prices but those kept."""
        gone = [level.shown for price, level in self._levels.items() if level.shown is not None and price not in kept]
        for entry in gone:
            self.change(entry, 0)

    def owned(self) -> list[Entry]:
        """List the entries that belong to orders, in the order in which they trade."""
        return [entry for price in self.prices() for entry in self._levels[price].entries if entry.owner]


class OrderBook:
    """Both sides of one instrument's book."""

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)

    def side(self, side: Side) -> BookSide:
        """Return the side where orders of that direction wait."""
        return self.bids if side is Side.BUY else self.asks

    def take(self, side: Side, quantity: int, limit: int | None = None) -> list[Execution]:
        """Trade up to `quantity` against the other side, at `limit` or better; returns the trades in the order they were made."""
        other = self.asks if side is Side.BUY else self.bids
        trades: list[Execution] = []
        while quantity > 0 and (best := other.best) is not None:
            if limit is not None and (best - limit) * side > 0:
                break
            maker = other.first()
            traded = min(quantity, maker.remaining)
            other.change(maker, maker.remaining - traded)
            trades.append(Execution(maker, traded, best))
            quantity -= traded
        return trades

    def rest(self, entry: Entry) -> None:
        """Let an entry wait; what of it crosses the other side must have been taken before."""
        self.side(entry.side).add(entry)

    def remove(self, entry: Entry) -> None:
        """Take an entry out."""
        self.side(entry.side).change(entry, 0)

    def show(self, bids: Levels, asks: Levels) -> list[Execution]:
        """Make the market's own liquidity what is given; returns the trades with orders that it came upon.

        What stays at its price keeps its place in the queue; what comes to a price where an order waits on the other side trades with it.
        """
        self.bids.withdraw({price for price, _ in bids})
        self.asks.withdraw({price for price, _ in asks})
        return [trade for side, levels in ((self.bids, bids), (self.asks, asks)) for level in levels for trade in self._post(side, *level)]

    def _post(self, own: BookSide, price: int, quantity: int) -> list[Execution]:
        entry = own.shown(price)
        before = entry.remaining if entry is not None else 0
        trades = self.take(own.side, quantity - before, price)
        after = quantity - sum(trade.quantity for trade in trades)
        if entry is not None:
            own.change(entry, after)
        elif after > 0:
            own.add(Entry(own.side, price, after))
        return trades

    def trade_through(self, price: int, quantity: int, touch: bool) -> list[Execution]:
        """Trade with the orders that a trade made elsewhere at `price` went through (or, with `touch`, reached), best first.

        Each trades at its own price, together no more than `quantity`: a print of 100 shares does not fill two orders of 100.
        """
        trades: list[Execution] = []
        for side in (self.bids, self.asks):
            for entry in side.owned():
                beyond = (entry.price - price) * side.side
                if quantity <= 0 or beyond < 0 or (beyond == 0 and not touch):
                    break
                traded = min(quantity, entry.remaining)
                side.change(entry, entry.remaining - traded)
                trades.append(Execution(entry, traded, entry.price))
                quantity -= traded
        return trades

    def depth(self, side: Side, levels: int = 5) -> list[tuple[int, int, int]]:
        """Return (price, quantity, orders) of the best prices, best first."""
        own = self.side(side)
        return [(price, own.quantity_at(price), own.orders_at(price)) for price in islice(own.prices(), levels)]

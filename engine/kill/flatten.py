"""Closes all positions by a plan: cancels first, shorts before longs, in slices, at a pace that the broker takes, nothing twice.

What does not fill is priced anew by those who see every exit through; what cannot be closed in some tries is left to a person, in words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from engine.brokers.base import Holding
from engine.core.errors import BrokerError
from engine.core.model import Order, OrderStatus, Position, Product
from engine.kill.exits import Exit, Place, confirmed_nets, exits, gaps_of, nets_of, place_of, sliced
from engine.session_parts import SessionParts

S = OrderStatus

A_SECOND = 8
"""Orders."""

CANCELS_FIRST_S = 5.0
"""So long an instrument's exits wait for its cancels to be certain; then they close what those orders leave over."""

SHORTS_FIRST_S = 10.0
"""So long longs wait until no short is left."""

UNKNOWN_S = 15.0
"""So long nothing more is sent where it is not known what became of an exit."""

TRIES = 3
"""Times that one owner's position is tried to be closed, each after the prices of the one before were tried."""

AGAIN_S = 3.0
"""Between two tries."""

READ_EVERY_S = 1.0
"""The broker's positions are read at most this often."""

LAGS_S = 3.0
"""So long the broker's list of positions may lag behind our fills."""

_SECOND_NS = 1_000_000_000


class Flattening:
    """The closing of everything."""

    def __init__(self, parts: SessionParts, submit: Callable[..., Order], warn: Callable[[str], None]) -> None:
        self.is_busy: Callable[[Position], bool] = lambda book: False
        """Somebody is at work on that position's exit already."""
        self._parts, self._submit, self._warn = parts, submit, warn
        self.end()

    def end(self) -> None:
        """Forget what was begun."""
        self.sent: list[str] = []
        """Orders that were sent to close something, oldest first."""
        self.is_over = False
        self._began_ns = 0
        self._paced: deque[int] = deque()
        self._tries: dict[tuple[Place, str], tuple[int, int, int]] = {}
        self._gaps: dict[Place, int] = {}
        self._read_ns = self._quiet_ns = 0

    async def step(self) -> None:
        """Send what may be sent now; to be called again and again until it is over."""
        now_ns = self._parts.wall.monotonic_ns()
        self._began_ns = self._began_ns or now_ns
        await self._read(now_ns)
        if self._wanted():
            self._quiet_ns = 0
            for one in self._due(now_ns):
                if not self._has_turn(now_ns):
                    return
                self._send(one, now_ns)
            return
        self._quiet_ns = self._quiet_ns or now_ns
        if self._is_still(now_ns):
            self.is_over = True
            self._tell_rest()

    def _is_still(self, now_ns: int) -> bool:
        """Tell whether nothing is on its way any more; what the broker's list lacks is waited for, for it may lag behind our fills."""
        books = self._parts.positions.open_books()
        if any(order.id in self.sent for order in self._parts.orders.working()) or any(map(self.is_busy, books)):
            return False
        return not any(nets_of(books).values()) or now_ns - self._quiet_ns >= LAGS_S * _SECOND_NS

    def _wanted(self) -> list[Exit]:
        """List what is neither closed nor being closed, and was not given up."""
        books = self._parts.positions.open_books()
        made = exits(books, confirmed_nets(books, self._gaps), self._parts.orders.working())
        return [one for one in made if self._tried(one.book)[0] < TRIES]

    def _due(self, now_ns: int) -> list[Exit]:
        """Return what is to be sent now, cut into slices."""
        working = self._parts.orders.working()
        wanted = self._wanted()
        if now_ns - self._began_ns < SHORTS_FIRST_S * _SECOND_NS:
            wanted = self._shorts_first(wanted)
        blocked = {place_of(order.request) for order in working if self._blocks(order, now_ns)}
        return [part for one in wanted if place_of(one.book) not in blocked and self._may_try(one, now_ns) for part in sliced(one)]

    def _shorts_first(self, wanted: list[Exit]) -> list[Exit]:
        """Leave longs for later while a short is there that was not given up."""
        books = self._parts.positions.open_books()
        nets = confirmed_nets(books, self._gaps)
        has_shorts = any(book.quantity < 0 and nets[place_of(book)] < 0 and self._tried(book)[0] < TRIES for book in books)
        return [one for one in wanted if one.book.quantity < 0] if has_shorts else wanted

    def _blocks(self, order: Order, now_ns: int) -> bool:
        """Tell whether nothing may be sent beside an order: it may still be cancelled, or nobody knows what became of it."""
        if order.id in self.sent:
            return order.status is S.UNKNOWN and self._parts.clock.now_ns() - order.created_ns < UNKNOWN_S * _SECOND_NS
        return now_ns - self._began_ns < CANCELS_FIRST_S * _SECOND_NS

    def _may_try(self, one: Exit, now_ns: int) -> bool:
        times, tried_ns = self._tried(one.book)
        return not self.is_busy(one.book) and (times == 0 or now_ns - tried_ns >= AGAIN_S * _SECOND_NS)

    def _tried(self, book: Position) -> tuple[int, int]:
        """Return how often a position was tried to be closed since something of it was, and when last."""
        times, tried_ns, held = self._tries.get((place_of(book), book.owner), (0, 0, 0))
        return (0, 0) if abs(book.quantity) < held else (times, tried_ns)

    def _has_turn(self, now_ns: int) -> bool:
        while self._paced and self._paced[0] <= now_ns - _SECOND_NS:
            self._paced.popleft()
        return len(self._paced) < A_SECOND

    def _send(self, one: Exit, now_ns: int) -> None:
        self._paced.append(now_ns)
        order = self._submit(one.request(), by_hand=True)
        self.sent.append(order.id)
        times, tried_ns = self._tried(one.book)
        if tried_ns != now_ns:  # slices of one exit are one try
            self._tries[place_of(one.book), one.book.owner] = (times + 1, now_ns, abs(one.book.quantity))

    async def _read(self, now_ns: int) -> None:
        """Read what the broker has; while that cannot be read our own fills are what is confirmed."""
        if self._read_ns and now_ns - self._read_ns < READ_EVERY_S * _SECOND_NS:
            return
        self._read_ns = now_ns
        broker = self._parts.broker
        try:
            truth = [*await broker.positions(), *map(_delivered, await broker.holdings())]
        except BrokerError:
            self._gaps = {}
        else:
            self._gaps = gaps_of(self._parts.positions.open_books(), truth)

    def _tell_rest(self) -> None:
        """Say what could not be closed, and why as far as anybody said."""
        books = self._parts.positions.open_books()
        nets, confirmed = nets_of(books), confirmed_nets(books, self._gaps)
        for book in books:
            place, what = place_of(book), f"{book.quantity:+d} {book.instrument.symbol} of {book.owner}"
            if confirmed[place] != nets[place]:
                self._warn(f"{what} stays: the broker lists less of it than our fills come to; compare the two, and close it there.")
            elif nets[place]:
                self._warn(f"{what} could not be closed ({self._said_of(book)}); close it at the broker, by another price.")

    def _said_of(self, book: Position) -> str:
        orders = [self._parts.orders.order(order_id) for order_id in self.sent]
        said = [one.message for one in orders if one.instrument == book.instrument and one.request.owner == book.owner and one.message]
        return said[-1] if said else "no reason given"


def _delivered(holding: Holding) -> Position:
    """Return shares in the demat account as what they were bought as: tomorrow they are no position any more."""
    return Position(holding.instrument, Product.CNC, quantity=holding.quantity)

"""Closes positions: all at once when the trader says so, and intraday ones when their time of the day has come.

What an owner has working in an instrument is cancelled first, so that nothing is closed twice; protection stays until the exit fills.
A square-off is looked after: what is still open some time later is closed again, and told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.calendar import day_of
from engine.clock import IST_OFFSET_NS, Clock
from engine.core.facts import PROTECTIVE
from engine.core.model import Instrument, Order, OrderRequest, OrderStatus, Position, Product, Purpose
from engine.order_manager import OrderManager
from engine.position_tracker import PositionTracker
from engine.protection import exit_of
from engine.risk_manager import RiskManager
from engine.tasks import Tasks

MINUTE_NS = 60_000_000_000
DAY_NS = 1_440 * MINUTE_NS

PATIENCE_S = 5.0
"""So long an exit waits for the cancel of another one."""

AGAIN_NS = 15_000_000_000
"""A square-off after which something is still open, with nothing on its way, is tried again so much later."""

TOLD_AFTER_NS = 120_000_000_000
"""What is still open so long after its square-off began is told."""


class Door(Protocol):
    """What closing may do: the session."""

    def submit(self, request: OrderRequest, *, by_hand: bool | None = None) -> Order:
        """Send an order past the rules."""
        ...

    def cancel(self, order_id: str) -> Order:
        """Cancel an order."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader."""
        ...


@dataclass(slots=True)
class _Square:
    """One square-off of one position."""

    began_ns: int
    tried_ns: int = 0
    is_told: bool = False


class Closer:
    """Flattening and square-off."""

    def __init__(self, door: Door, orders: OrderManager, positions: PositionTracker, risk: RiskManager, tasks: Tasks, clock: Clock) -> None:
        self._door = door
        self._orders = orders
        self._risk = risk
        self._positions = positions
        self._tasks = tasks
        self._clock = clock
        self.is_busy: Callable[[Position], bool] = lambda book: False
        """Somebody is at work on that position's exit already."""
        self.is_once = False
        """A market that is played again: one order a day, as in a backtest."""
        self._leaves_at: dict[str, int] = {}
        """When owners leave of themselves, in ns since midnight."""
        self._squared: dict[tuple[str, str, bool], _Square] = {}
        """By instrument, owner, and whether it was of an earlier day."""

    def flatten(self, owner: str | None = None, key: str | None = None, product: Product | None = None) -> list[Order]:
        """Close everything, or what one owner holds, or one instrument or product, at market; returns the orders that left at once."""
        held = self._positions.open_books(owner)
        books = [book for book in held if key in (None, book.instrument.key) and product in (None, book.product)]
        return [order for book in books if (order := self._close(book, Purpose.EXIT, by_hand=True)) is not None]

    def leave_daily(self, owner: str, minute: int | None) -> None:
        """Let an owner leave all that it holds at a minute of each day (IST), in any product; None = not any more."""
        self._leaves_at.pop(owner, None)
        if minute is not None:
            self._leaves_at[owner] = minute * MINUTE_NS

    def leaves_ns(self, owner: str) -> int:
        """Return when an owner leaves today of itself, 0 = not; for the orders that outlive a restart which may not know."""
        at_ns = self._leaves_at.get(owner)
        now_ns = self._clock.now_ns()
        return 0 if at_ns is None else now_ns - (now_ns + IST_OFFSET_NS) % DAY_NS + at_ns

    def is_past(self, instrument: Instrument, product: Product, owner: str) -> bool:
        """Tell whether the day's time for leaving has come: that of what is intraday, or the owner's own."""
        at_ns = self._leaves_at.get(owner)
        if at_ns is not None and (self._clock.now_ns() + IST_OFFSET_NS) % DAY_NS >= at_ns:
            return True
        return product is Product.MIS and self._risk.desk.is_past_square_off(instrument)

    def square_off(self) -> None:
        """Close each position whose time of the day has come, with one order a day, and cancel the entries that still wait.

        What is left of an earlier day, because the market was not heard of at its time, is made up for at once.
        """
        for order in self._orders.working():
            request = order.request
            if request.purpose in (Purpose.ENTRY, Purpose.REVERSAL) and self._is_over(request, order.created_ns):
                self._door.cancel(order.id)
        for book in self._positions.open_books():
            is_left_over = self._is_left_over(book, book.updated_ns)
            if is_left_over or self.is_past(book.instrument, book.product, book.owner):
                self._square(book, (book.instrument.key, book.owner, is_left_over))

    def leave(self, owner: str, key: str, product: Product) -> None:
        """Close what an owner holds of an instrument for its time has come, unless that is on its way."""
        for book in self._positions.open_books(owner, product):
            if book.instrument.key == key and not (self.is_closing(book) or self.is_busy(book)):
                self._close(book, Purpose.SQUARE_OFF, by_hand=False)

    def _is_over(self, what: OrderRequest, since_ns: int) -> bool:
        return self._is_left_over(what, since_ns) or self.is_past(what.instrument, what.product, what.owner)

    def _is_left_over(self, what: OrderRequest | Position, since_ns: int) -> bool:
        """Tell whether something stands since an earlier day that was to be left on it."""
        if what.owner in self._leaves_at and day_of(since_ns) < day_of(self._clock.now_ns()):
            return True
        return what.product is Product.MIS and self._risk.desk.is_left_over(what.instrument, since_ns)

    def _square(self, book: Position, key: tuple[str, str, bool]) -> None:
        """Close one position whose time has come, again when the last try has left something."""
        now_ns = self._clock.now_ns()
        square = self._squared.get(key)
        if square is None:
            square = self._squared[key] = _Square(now_ns)
        elif self.is_once or now_ns - square.tried_ns < AGAIN_NS:
            return
        if not square.is_told and now_ns - square.began_ns >= TOLD_AFTER_NS:
            square.is_told = True
            self._door.warn(
                f"{book.quantity:+d} {book.instrument.symbol} MIS of {book.owner} is still open {TOLD_AFTER_NS // 10**9} s after its "
                "square-off began; close it by hand before the broker does, for a fee."
            )
        if not (self.is_closing(book) or self.is_busy(book)):
            square.tried_ns = now_ns
            self._close(book, Purpose.SQUARE_OFF, by_hand=False)

    def is_closing(self, book: Position) -> bool:
        """Tell whether the order of a square-off is working already: it was sent before a restart."""
        working = self._orders.working_in(book.instrument.key, book.product, book.owner)
        return any(order.request.purpose is Purpose.SQUARE_OFF for order in working)

    def roll_day(self) -> None:
        """Begin a day: what is intraday is squared off once more."""
        self._squared.clear()

    def _close(self, book: Position, purpose: Purpose, *, by_hand: bool) -> Order | None:
        key, product, owner = book.instrument.key, book.product, book.owner
        for order in self._orders.working_in(key, product, owner):
            if order.request.purpose not in PROTECTIVE:
                self._door.cancel(order.id)
        if self._risk.reservations.closing(key, product, owner) == 0:
            return self._exit(book, purpose, by_hand=by_hand)
        self._tasks.spawn(self._close_later(book, purpose, by_hand=by_hand), f"close {owner} {key}", service=True)
        return None

    async def _close_later(self, book: Position, purpose: Purpose, *, by_hand: bool) -> None:
        """Wait until no other exit can fill any more, then close what is left."""
        key, product, owner = book.instrument.key, book.product, book.owner
        waited_s = 0.0
        while self._risk.reservations.closing(key, product, owner) and waited_s < PATIENCE_S:
            await self._clock.sleep(0.1)
            waited_s += 0.1
        left = self._positions.position(book.instrument, product, owner)
        if left.quantity:
            self._exit(left, purpose, by_hand=by_hand)

    def _exit(self, book: Position, purpose: Purpose, *, by_hand: bool) -> Order:
        # With nothing left to close the rules refuse, and say why.
        order = self._door.submit(exit_of(book, purpose, abs(self._positions.closable(book)) or None), by_hand=by_hand)
        if order.status is OrderStatus.DENIED:
            self._door.warn(f"{book.instrument.symbol} of {book.owner} was not closed: {order.message}")
        return order

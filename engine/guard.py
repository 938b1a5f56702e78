"""Keeps every position protected: places, moves and takes back stops and targets as fills come in.

What should rest is decided in `protection`; here it is sent, through the same door as any other order. A stop that cannot be placed
closes the position instead; one that a person takes back stays away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from engine.core.errors import InvalidOrder
from engine.core.facts import PROTECTIVE
from engine.core.model import HAND, Fill, Instrument, Order, OrderChange, OrderRequest, OrderStatus, Pending, Position, Product, Purpose
from engine.order_manager import OrderManager
from engine.position_tracker import BookKey, PositionTracker
from engine.protection import Cancel, Laid, Place, Plan, Step, after_entry, exit_of, leads_to, moved, plan_of_before, steps, trailed

S = OrderStatus

_OWN = frozenset({Purpose.ENTRY, Purpose.EXIT, Purpose.REVERSAL})
"""Purposes of what an owner itself wished for."""


class Door(Protocol):
    """What a guard may do: the session."""

    def submit(self, request: OrderRequest) -> Order:
        """Send an order past the rules."""
        ...

    def move_order(self, order_id: str, change: OrderChange, purpose: Purpose) -> None:
        """Change a protective order."""
        ...

    def cancel(self, order_id: str) -> Order:
        """Cancel an order."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader."""
        ...


class Guard:
    """The protection of all positions."""

    def __init__(self, door: Door, orders: OrderManager, positions: PositionTracker) -> None:
        self.is_off: Callable[[], bool] = lambda: False
        """While true nothing is placed or moved: the account is halted, or a replay only tells what was before."""
        self.lay: Callable[[Instrument, BookKey, Plan | None, int], Laid] = lambda instrument, book, plan, held: Laid.BY_ORDERS
        """Lets a position be protected at the broker as planned, where that can be; tells who protects it."""
        self.stop_first: frozenset[Product] = frozenset()
        """Products of which the broker may let only one sale rest over the same shares: then it is to be the stop."""
        self._door = door
        self._orders = orders
        self._positions = positions
        self._plans: dict[BookKey, Plan] = {}
        self._held: dict[BookKey, int] = {}
        self._planned_by: dict[BookKey, str] = {}
        self._filled: set[str] = set()
        self._dropped: set[str] = set()
        self._last_resorts: set[str] = set()
        self._busy: set[BookKey] = set()
        self._expired: dict[BookKey, Instrument] = {}

    def plan(self, instrument: Instrument, product: Product, owner: str) -> Plan | None:
        """Return at which prices an owner's position is protected, None = not at all."""
        return self._plans.get((instrument.key, product, owner))

    def protected(self) -> list[tuple[Instrument, BookKey]]:
        """List the open positions that are to have a stop."""
        books = ((one.instrument, (one.instrument.key, one.product, one.owner)) for one in self._positions.open_books())
        return [(instrument, book) for instrument, book in books if (plan := self._plans.get(book)) and plan.stop is not None]

    def trailing(self, owner: str) -> dict[str, list[Product]]:
        """Return in which instruments and products the stop of an owner follows the price."""
        found: dict[str, list[Product]] = {}
        for (key, product, holder), plan in self._plans.items():
            if holder == owner and plan.trail is not None:
                found.setdefault(key, []).append(product)
        return found

    def move(
        self,
        instrument: Instrument,
        product: Product,
        owner: str,
        *,
        stop: float | None = None,
        target: float | None = None,
        trail: float | None = None,
    ) -> None:
        """Protect an open position at other prices; None leaves one where it is. Nothing happens while it is flat."""
        book = (instrument.key, product, owner)
        if self._positions.position(instrument, product, owner).quantity:
            plan = self._plans.get(book) or Plan(group=f"{owner} {instrument.symbol}")
            self._plans[book] = moved(plan, float(instrument.tick_size), stop=stop, target=target, trail=trail)
            self._enforce(instrument, book)

    def trail(self, instrument: Instrument, product: Product, owner: str, high: float, low: float) -> None:
        """Draw a trailing stop after a closed bar."""
        book = (instrument.key, product, owner)
        if (plan := self._plans.get(book)) is None or plan.trail is None:
            return
        held = self._positions.position(instrument, product, owner).quantity
        self._plans[book] = trailed(plan, float(instrument.tick_size), held, high if held > 0 else low)
        if self._plans[book] != plan:
            self._enforce(instrument, book)

    def follow(self, order: Order, change: OrderChange) -> None:
        """Take over what a person changes about a protective order, so that it is not put back."""
        if (plan := self._plans.get(_book(order))) is not None and order.request.purpose in PROTECTIVE:
            self._plans[_book(order)] = moved(plan, float(order.instrument.tick_size), stop=change.trigger_price, target=change.price)

    def forget_all(self) -> None:
        """Protect nothing any more: everything is being cancelled on purpose."""
        for book in self._positions.open_books():
            self.lay(book.instrument, (book.instrument.key, book.product, book.owner), None, book.quantity)
        self._plans.clear()
        self._expired.clear()

    def on_fill(self, fill: Fill) -> None:
        """Note which order filled; its new state follows at once."""
        self._filled.add(fill.order_id)

    def on_order(self, order: Order) -> None:
        """Bring protection in line with an order's new state."""
        if order.id in self._filled:
            self._filled.discard(order.id)
            self._after_fill(order)
        elif order.id in self._last_resorts:
            if order.status.is_terminal:
                self._last_resorts.discard(order.id)
                self._door.warn(f"{order.instrument.symbol} of {order.request.owner} has no stop and was not closed; close it yourself.")
        elif order.request.purpose in PROTECTIVE:
            if order.pending is Pending.CANCEL and order.id not in self._dropped:
                # Somebody takes it back on purpose: it must not come again.
                self._give_up(order)
            if order.status.is_terminal and order.status is not S.FILLED:
                self._after_end(order)
            elif _book(order) in self._plans:
                self._enforce(order.instrument, _book(order))

    def enforce_all(self) -> None:
        """Bring all protection in line with its plans: nothing could be sent for a while."""
        for book in list(self._plans):
            instrument = next((p.instrument for p in self._positions.open_books(book[2]) if p.instrument.key == book[0]), None)
            if instrument is not None:
                self._enforce(instrument, book)

    def rearm(self, is_open: Callable[[Instrument], bool]) -> None:
        """Place anew what expired with the day before, or could not be sent, where the market is open."""
        for book, instrument in list(self._expired.items()):
            if is_open(instrument):
                del self._expired[book]
                self._enforce(instrument, book)

    @property
    def has_expired(self) -> bool:
        """Tell whether protection waits for its market to open again."""
        return bool(self._expired)

    def protect_again(self, book: Position) -> bool:
        """Place now what a position lacks of its plan; tells whether there is one."""
        key = (book.instrument.key, book.product, book.owner)
        self._expired.pop(key, None)
        self._enforce(book.instrument, key)
        return key in self._plans

    def rebuild(self, books: Iterable[Position], orders: Iterable[Order]) -> None:
        """Find out after a restart how open positions were protected, and place what is missing."""
        past: dict[BookKey, list[Order]] = {}
        for order in orders:
            past.setdefault(_book(order), []).append(order)
        for position in books:
            book = (position.instrument.key, position.product, position.owner)
            self._held[book] = position.quantity
            if (plan := plan_of_before(past.get(book, []), position.quantity)) is not None:
                self._plans[book] = plan
                self._enforce(position.instrument, book)

    def _after_fill(self, order: Order) -> None:
        book, request = _book(order), order.request
        if order.status.is_terminal:
            self._dropped.discard(order.id)
            self._last_resorts.discard(order.id)
        held = self._positions.position(order.instrument, request.product, request.owner).quantity
        before, self._held[book] = self._held.get(book, 0), held
        if request.purpose in _OWN:
            if held * before <= 0 or held == 0:
                self._forget(book)
            is_new = self._planned_by.get(book) != order.id
            if is_new and leads_to(request, held) and (request.stop, request.target, request.trail) != (None, None, None):
                self._planned_by[book] = order.id
                self._plans[book] = after_entry(self._plans.get(book), request, order.average_price, held, order.id)
        else:
            if held == 0:
                self._forget(book)
            self._withdraw_wishes(book)
            self._trim_square_off(book, held)
        self._enforce(order.instrument, book)
        if order.status is S.FILLED and request.group and (held == 0 or request.purpose not in PROTECTIVE):
            for other in self._orders.working_in(*book):
                if other.request.group == request.group and other.id != order.id:
                    self._drop(other.id)

    def _after_end(self, order: Order) -> None:
        """Deal with a protective order that ended without filling."""
        book, plan = _book(order), self._plans.get(_book(order))
        position = self._positions.position(order.instrument, order.request.product, order.request.owner)
        if order.id in self._dropped:
            self._dropped.discard(order.id)
            self._enforce(order.instrument, book)
        elif plan is None or position.quantity == 0 or self.is_off():
            return
        elif order.status in (S.EXPIRED, S.NOT_PLACED):
            self._expired[book] = order.instrument
        else:
            self._give_up(order)
            self._lack(order, position)

    def _give_up(self, order: Order) -> None:
        """Plan this leg of the protection no longer."""
        book, plan = _book(order), self._plans.get(_book(order))
        if plan is not None:
            is_target = order.request.purpose is Purpose.TARGET
            self._plans[book] = replace(plan, target=None) if is_target else replace(plan, stop=None, trail=None)

    def _lack(self, order: Order, position: Position) -> None:
        """Tell that a protective order is missing, and close the position at once when its stop was refused."""
        instrument, owner, is_target = position.instrument, position.owner, order.request.purpose is Purpose.TARGET
        why = order.message or "no reason given"
        self._door.warn(f"The {'target' if is_target else 'stop'} of {instrument.symbol} of {owner} is {order.status.lower()}: {why}")
        if is_target or order.status not in (S.REJECTED, S.DENIED):
            return
        last_resort = self._door.submit(exit_of(position, Purpose.EXIT))
        self._last_resorts.add(last_resort.id)
        if last_resort.status is S.DENIED:
            self.on_order(last_resort)

    def _enforce(self, instrument: Instrument, book: BookKey) -> None:
        """Do what leads from the resting orders to the plan; what is sent here tells of itself at once, and must not start this anew."""
        if self.is_off() or book in self._expired or book in self._busy:
            return
        self._busy.add(book)
        try:
            position = self._positions.position(instrument, book[1], book[2])
            position = replace(position, quantity=self._positions.closable(position))
            plan = self._plans.get(book)
            by = self.lay(instrument, book, plan, position.quantity)
            if by is not Laid.FIRED:
                planned, resting = plan if by is Laid.BY_ORDERS else None, self._orders.working_in(*book)
                for step in steps(position, planned, resting, is_stop_first=book[1] in self.stop_first):
                    self._take(step)
        finally:
            self._busy.discard(book)

    def _take(self, step: Step) -> None:
        if isinstance(step, Place):
            self._door.submit(step.request)
        elif isinstance(step, Cancel):
            self._drop(step.order_id)
        else:
            try:
                self._door.move_order(step.order_id, step.change, step.purpose)
            except InvalidOrder:
                # Changed as often as an order may be: once it is gone another is placed.
                self._drop(step.order_id)

    def _withdraw_wishes(self, book: BookKey) -> None:
        """Cancel what was meant for a position that protection has closed, or part of it; the trader's own entries are left alone."""
        for order in self._orders.working_in(*book):
            if order.request.purpose in _OWN and (order.request.is_exit or book[2] != HAND):
                self._door.cancel(order.id)

    def _trim_square_off(self, book: BookKey, held: int) -> None:
        """Let a square-off that is on its way close what is held and no more."""
        for order in self._orders.working_in(*book):
            if order.request.purpose is Purpose.SQUARE_OFF and order.remaining != abs(held):
                if held == 0:
                    self._door.cancel(order.id)
                else:
                    self._door.move_order(order.id, OrderChange(order.filled + abs(held)), Purpose.SQUARE_OFF)

    def _drop(self, order_id: str) -> None:
        self._dropped.add(order_id)
        self._door.cancel(order_id)

    def _forget(self, book: BookKey) -> None:
        self._plans.pop(book, None)
        self._planned_by.pop(book, None)
        self._expired.pop(book, None)


def _book(order: Order) -> BookKey:
    request = order.request
    return request.instrument.key, request.product, request.owner

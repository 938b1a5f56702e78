"""Holds the account's own books against each other while it trades: executions, what is held, and what counts against the limits.

They are kept apart and must never differ. Where they do something here is broken: that is told and written down, and nothing new is
risked until a person has looked. Nothing is mended here, and nothing is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from engine.clock import Clock
from engine.core.ledger import apply
from engine.core.model import UNITS, Fill, Order, OrderStatus, Pending, Position, Product, Purpose
from engine.order_manager import OrderManager
from engine.position_tracker import PositionTracker
from engine.risk_manager import RiskManager

EVERY_S = 5.0
"""How often the books are looked through."""

AT_ONCE = 200
"""So many executions are reckoned up in one look at most; the rest waits for the next."""

CONTRADICTION = "contradiction"
"""Cause of a stop by books that contradict each other; only a person ends it."""


class Recount:
    """What executions come to, reckoned a second time beside the tracker; each one is taken in once."""

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._last: Fill | None = None
        self._count = self._realised_units = self._charges_units = 0
        self._books: dict[tuple[str, Product, str], Position] = {}
        self._traded: dict[str, int] = {}

    def take(self, fills: Sequence[Fill]) -> bool:
        """Take in what is new of all executions; tells whether nothing is left. Begins anew when one was taken back."""
        if self._count > len(fills) or (self._count and fills[self._count - 1] is not self._last):
            self._begin_anew()
        for fill in fills[self._count : self._count + AT_ONCE]:
            self._add(fill)
            self._last = fill
            self._count += 1
        return self._count == len(fills)

    def _add(self, fill: Fill) -> None:
        # A lot that only passes from one owner to another changes nothing for the account.
        for owner in (fill.owner,) if fill.purpose is Purpose.ASSIGN else ("", fill.owner):
            key = (fill.instrument.key, fill.product, owner)
            book = self._books.get(key) or Position(fill.instrument, fill.product, owner)
            self._books[key], realised = apply(book, fill)
            self._realised_units += 0 if owner else realised
        self._charges_units += 0 if fill.purpose is Purpose.ASSIGN else fill.charges_units
        self._traded[fill.order_id] = self._traded.get(fill.order_id, 0) + fill.quantity

    def traded(self, order_id: str) -> int:
        """Return what an order's executions come to, as far as they are taken in."""
        return self._traded.get(order_id, 0)

    def differences(self, positions: PositionTracker) -> Iterator[str]:
        """Say where the tracker holds, has gained or has paid something else than the executions come to."""
        held = {(p.instrument.key, p.product, p.owner): p.quantity for p in (*positions.open_net(), *positions.open_books())}
        for key in held.keys() | self._books.keys():
            book = self._books.get(key)
            reckoned = book.quantity if book is not None else 0
            if held.get(key, 0) != reckoned:
                name, product, owner = key
                yield f"{owner or 'the account'} holds {held.get(key, 0)} of {name} {product} and its executions come to {reckoned}"
        figures = (
            ("profit is", positions.realised_units(), self._realised_units),
            ("charges are", positions.charges_units(), self._charges_units),
        )
        for what, kept, reckoned in figures:
            if kept != reckoned:
                yield f"the account's {what} {kept / UNITS:,.4f} and its executions come to {reckoned / UNITS:,.4f}"


class Audit:
    """The looking through of one session's books."""

    def __init__(self, orders: OrderManager, positions: PositionTracker, risk: RiskManager) -> None:
        self._orders, self._positions, self._risk = orders, positions, risk
        self._recount = Recount()
        self._known: frozenset[str] = frozenset()
        """What was found with the last look: it is told once, and a person may trade on in spite of it."""

    async def keep_looking(self, clock: Clock) -> None:
        """Look for ever."""
        while True:
            await clock.sleep(EVERY_S)
            self.look()

    def look(self) -> None:
        """Look once; what is found and was not there the last time stops new risk, and is told and written down."""
        found = sorted(self._found())
        fresh = [said for said in found if said not in self._known]
        self._known = frozenset(found)
        if not fresh:
            return
        said = "; ".join(fresh)
        self._orders.note("CONTRADICTION", found=fresh)
        self._risk.reduce(
            f"its own books contradict each other ({said}); compare with the broker's app, restart, then resume", CONTRADICTION
        )
        self._orders.alarm_raised.emit(
            f"The terminal's own books contradict each other: {said}. Nothing new is risked. Look at positions and orders in the broker's "
            "app, start the terminal again, and resume once both agree."
        )

    def _found(self) -> Iterator[str]:
        if self._recount.take(self._orders.trades):
            yield from self._recount.differences(self._positions)
        working = self._orders.working()
        yield from self._miscounted(working)
        numbers = [order.broker_order_id for order in working if order.broker_order_id]
        for number, count in Counter(numbers).items():
            if count > 1:
                yield f"{count} working orders bear the broker's number {number}"

    def _miscounted(self, working: Sequence[Order]) -> Iterator[str]:
        """Say which order counts against the limits with less than what is left of it, and what counts without an order."""
        reservations = self._risk.reservations
        for order in working:
            traded, kept = self._recount.traded(order.id), reservations.of(order.reservation)
            if traded > order.filled:
                yield f"order {order.id} counts {order.filled} as filled and its executions come to {traded}"
            # An order just made is told with the next turn; where a cancel is certain, what is to be cancelled counts no more.
            if order.status is OrderStatus.INTENT or (kept is None and order.pending is Pending.CANCEL):
                continue
            counted = 0 if kept is None else kept.quantity * int(order.request.side)
            if counted < order.remaining:
                yield f"order {order.id} has {order.remaining} left and counts against the limits as {counted}"
        for number in reservations.numbers() - {order.reservation for order in working}:
            yield f"reservation {number} counts against the limits and belongs to no working order"

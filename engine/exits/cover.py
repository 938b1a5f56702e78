"""Looks whether every protected position is really protected: live stops at the broker over exactly what is held, within seconds.

What is not covered for too long is told once, with the way to mend it; that it is covered again is told, too. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.clock import Clock
from engine.core.model import Instrument, Order, OrderStatus, Pending, Purpose
from engine.guard import Guard
from engine.order_manager import OrderManager
from engine.position_tracker import BookKey, PositionTracker

S = OrderStatus

WITHIN_S = 5.0
"""So long a position may be covered in part, or not at all, after a change."""

_LIVE = frozenset({S.ACKED, S.TRIGGER, S.OPEN, S.PARTIAL})
_STOPS = frozenset({Purpose.STOP, Purpose.TRAIL})


class CoverAudit:
    """The audit of one session."""

    def __init__(
        self,
        guard: Guard,
        orders: OrderManager,
        positions: PositionTracker,
        clock: Clock,
        is_open: Callable[[Instrument], bool],
        tell: Callable[[str, str], None],
        laid: Callable[[BookKey], int] = lambda book: 0,
    ) -> None:
        """`clock` measures how long something is uncovered, `is_open` knows whether its market trades, `tell` hears text and level.

        `laid` tells how much a trigger that waits at the broker covers.
        """
        self._laid = laid
        self._guard, self._orders, self._positions, self._clock = guard, orders, positions, clock
        self._is_open, self._tell = is_open, tell
        self._since: dict[BookKey, int] = {}
        self._told: set[BookKey] = set()

    @property
    def uncovered(self) -> set[BookKey]:
        """Return the positions about which the trader was told."""
        return set(self._told)

    def look(self) -> None:
        """Compare what is held with what protects it; to be called every second."""
        now_ns = self._clock.monotonic_ns()
        seen: set[BookKey] = set()
        for instrument, book in self._guard.protected():
            seen.add(book)
            held = self._positions.closable(self._positions.position(instrument, book[1], book[2]))
            cover = cover_of(self._orders.working_in(*book), held) + self._laid(book)
            if cover == abs(held) or not self._is_open(instrument):
                self._on_covered(book, instrument)
            elif now_ns - self._since.setdefault(book, now_ns) > WITHIN_S * 1e9 and book not in self._told:
                self._told.add(book)
                self._tell(
                    f"{held:+d} {instrument.symbol} of {book[2]}: its stop covers {cover} of {abs(held)}. "
                    "Protect it again (Positions, by a right click), or close it.",
                    "critical",
                )
        for book in (self._since.keys() | self._told) - seen:
            self._since.pop(book, None)
            self._told.discard(book)

    def _on_covered(self, book: BookKey, instrument: Instrument) -> None:
        self._since.pop(book, None)
        if book in self._told:
            self._told.discard(book)
            self._tell(f"{instrument.symbol} of {book[2]} is covered again.", "info")


def cover_of(working: Iterable[Order], held: int) -> int:
    """Return how much of a position live stops at the broker would close."""
    return sum(
        order.remaining
        for order in working
        if order.request.purpose in _STOPS
        and order.request.side * held < 0
        and order.status in _LIVE
        and order.pending is not Pending.CANCEL
    )

"""Closes what its owner wanted closed by now: some time after the entry filled, or at a time of the day; once, over a restart too.

The earliest time that any of a position's entries asked for holds for all of it, until nothing is held any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.clock import ist
from engine.core.model import Fill, Order, Product
from engine.position_tracker import BookKey, PositionTracker

AGAIN_NS = 10_000_000_000
"""What could not be closed is tried again so much later."""


class TimedExits:
    """The times at which positions are to be closed."""

    def __init__(
        self,
        positions: PositionTracker,
        order_of: Callable[[str], Order],
        close: Callable[[str, str, Product], object],
        keep: Callable[[Mapping[str, int]], None],
        tell: Callable[[str, str], None],
        *,
        is_open: Callable[[BookKey], bool] | None = None,
    ) -> None:
        """`close` closes an owner's position in an instrument and product, `keep` remembers the times over a restart.

        `is_open`: whether its market trades now; None = as in a replay, in which what is due is closed with one order, and never again.
        """
        self._is_open = is_open
        self._positions, self._order_of, self._close, self._keep, self._tell = positions, order_of, close, keep, tell
        self._due: dict[BookKey, int] = {}
        self._tried: dict[BookKey, int] = {}

    def due_ns(self, book: BookKey) -> int:
        """Return when a position is to be closed, 0 = at no time of its own."""
        return self._due.get(book, 0)

    def on_fill(self, fill: Fill) -> None:
        """Note the time that the filled order asked for; what is flat waits for none."""
        book = (fill.instrument.key, fill.product, fill.owner)
        if not (held := self._positions.quantity(*book)):
            self._forget(book)
            return
        if (held - fill.signed_quantity) * held < 0:
            self._forget(book)  # what had a time was closed, and something else opened
        request = self._order_of(fill.order_id).request if fill.order_id else None
        if request is None or request.is_exit:
            return
        after_ns = fill.time_ns + round(request.close_after_s * 1e9) if request.close_after_s else 0
        wanted = [time_ns for time_ns in (after_ns, request.close_at_ns, self._due.get(book, 0)) if time_ns]
        if wanted and min(wanted) != self._due.get(book):
            self._due[book] = min(wanted)
            self._remember()

    def on_time(self, now_ns: int) -> None:
        """Close what is due."""
        for book, due_ns in list(self._due.items()):
            if now_ns < due_ns or not self._is_next_try(book, now_ns):
                continue
            if not self._positions.quantity(*book):
                self._forget(book)
                continue
            if self._is_open is not None and not self._is_open(book):
                continue
            if book not in self._tried:
                self._tell(f"{book[0]} of {book[2]} is closed: its time was {ist(due_ns):%H:%M:%S}.", "info")
            self._tried[book] = now_ns
            self._close(book[2], book[0], book[1])

    def _is_next_try(self, book: BookKey, now_ns: int) -> bool:
        tried_ns = self._tried.get(book)
        return tried_ns is None or (self._is_open is not None and now_ns - tried_ns >= AGAIN_NS)

    def restore(self, kept: Mapping[str, object]) -> None:
        """Take over the times of before a restart, of what is still held."""
        for name, time_ns in kept.items():
            key, product, owner = name.split("|", 2)
            book = (key, Product(product), owner)
            if isinstance(time_ns, int) and self._positions.quantity(*book):
                self._due[book] = time_ns

    def _forget(self, book: BookKey) -> None:
        self._tried.pop(book, None)
        if self._due.pop(book, None) is not None:
            self._remember()

    def _remember(self) -> None:
        self._keep({f"{key}|{product}|{owner}": time_ns for (key, product, owner), time_ns in self._due.items()})

"""When something from elsewhere closes what an owner here holds: its exits are taken back, so that nothing is closed a second time.

A square-off by the broker, an order of its app, a conversion: each is booked as nobody's, and the owner's stops and exits shrink to what
is still there. Who it belongs to a person decides afterwards.
"""

from __future__ import annotations

from typing import Protocol

from engine.core.facts import PROTECTIVE
from engine.core.model import EXTERNAL, Fill, Order, Position
from engine.guard import Guard
from engine.order_manager import OrderManager
from engine.position_tracker import PositionTracker


class Door(Protocol):
    """What may be done: the session."""

    def cancel(self, order_id: str) -> Order:
        """Cancel an order."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader."""
        ...


class ClosedElsewhere:
    """Looks at every execution that is nobody's here."""

    def __init__(self, door: Door, guard: Guard, orders: OrderManager, positions: PositionTracker) -> None:
        self._door, self._guard, self._orders, self._positions = door, guard, orders, positions

    def on_fill(self, fill: Fill) -> None:
        """Take exits back that would close what an execution from elsewhere has closed."""
        if fill.owner != EXTERNAL:
            return
        books = [
            book
            for book in self._positions.open_books(product=fill.product)
            if book.instrument.key == fill.instrument.key and book.owner != EXTERNAL and book.quantity * fill.side < 0
        ]
        touched = [book for book in books if self._positions.closable(book) != book.quantity]
        for book in touched:
            self._withdraw(book)
        if touched:
            self._guard.enforce_all()

    def _withdraw(self, book: Position) -> None:
        symbol, left = book.instrument.symbol, self._positions.closable(book)
        for order in self._orders.working_in(book.instrument.key, book.product, book.owner):
            if order.request.is_exit and order.request.purpose not in PROTECTIVE and order.remaining > abs(left):
                self._door.cancel(order.id)
        self._door.warn(
            f"{abs(book.quantity - left)} of the {book.quantity:+d} {symbol} {book.product.value} of {book.owner} were closed elsewhere; "
            f"its exits shrink. Look at the broker, then assign what was closed to {book.owner}."
        )

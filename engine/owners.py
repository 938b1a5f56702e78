"""Whose lots are whose: every one belongs to a strategy, to the hand, or to outside, and can be given to another by the trader.

Giving sends no order and moves no money: what one owner's books lose, the other's gain, and the net that the broker sees stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt

from engine.core.errors import UserError
from engine.core.ledger import share_of
from engine.core.model import EXTERNAL, HAND, Fill, Order, Position, Product, Purpose, Side
from engine.session import TradingSession
from engine.view import EngineView


class Owners(QObject):
    """The owners' books of one session, as the trader sees and rearranges them."""

    def __init__(self, session: TradingSession, view: EngineView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._view = session, view
        session.positions.book_changed.connect(view.on_book, Qt.ConnectionType.DirectConnection)

    def show(self) -> None:
        """Tell the view what everybody holds, after a start, and the trader of books that cannot be the broker's; nothing is traded."""
        for book in self._session.positions.books:
            self._view.on_book(book)
        for text in contradictions(self._session.positions.open_books()):
            self._session.life.tell(text, "critical")

    def assign(self, key: str, product: Product, source: str, target: str, quantity: int = 0) -> None:
        """Give what one owner holds of an instrument (or `quantity` of it) to another, at what it cost; journaled, no order is sent.

        Raises UserError when there is not so much of it, or the new owner is none.
        """
        book = next((b for b in self._session.positions.open_books(source, product) if b.instrument.key == key), None)
        held = abs(book.quantity) if book is not None else 0
        wanted = quantity or held
        if book is None or not 0 < wanted <= held:
            raise UserError(f"Expected a quantity of {key} that {source} holds ({held}), was {quantity}; choose one up to that.")
        self._check_owner(source, target)
        now_ns = self._session.clock.now_ns()
        given = _entry(book, -1, wanted, source, f"assign-{now_ns}-out", now_ns)
        taken = _entry(book, 1, wanted, target, f"assign-{now_ns}-in", now_ns)
        self._session.orders.assign(given, taken)
        for fill in (given, taken):
            self._session.positions.on_fill(fill)
        self._session.life.tell(f"{wanted} {book.instrument.symbol} passed from {source} to {target}; no order was sent.", "info")

    def assign_order(self, order_id: str, target: str) -> Order:
        """Let what a working order still fills belong to another owner; raises UserError for one that has ended."""
        orders, risk = self._session.orders, self._session.risk
        order = orders.order(order_id)
        if not order.status.is_working:
            raise UserError(f"Expected a working order, was {order.status.value}; assign what it filled instead, in the positions.")
        self._check_owner(order.request.owner, target)
        # Told with its new owner, it counts against that one's limits.
        risk.release(order.reservation)
        orders.give(order_id, target)
        return orders.order(order_id)

    def _check_owner(self, source: str, target: str) -> None:
        known = {HAND, EXTERNAL, *self._view.strategies}
        if target not in known or target == source:
            raise UserError(f'Expected {HAND}, {EXTERNAL} or the id of a strategy, other than {source}, was "{target}"; choose another.')


def contradictions(books: Iterable[Position]) -> list[str]:
    """Say where outside lots stand against what an owner here holds: the broker has less than that owner's books."""
    by_place: dict[tuple[str, Product], list[Position]] = {}
    for book in books:
        by_place.setdefault((book.instrument.key, book.product), []).append(book)
    told = []
    for held in by_place.values():
        outside = sum(book.quantity for book in held if book.owner == EXTERNAL)
        net = sum(book.quantity for book in held)
        told += [_contradiction(book, outside, net) for book in held if book.owner != EXTERNAL and outside * book.quantity < 0]
    return told


def _contradiction(book: Position, outside: int, net: int) -> str:
    return (
        f"{book.owner} holds {book.quantity} {book.instrument.symbol} {book.product.value} by its own books, but {outside} came from "
        f"outside and the broker has {net}. Nothing is traded because of it: assign the outside lot to {book.owner} in the "
        "positions, or close what is left."
    )


def _entry(book: Position, way: int, quantity: int, owner: str, trade_id: str, now_ns: int) -> Fill:
    """Make one half of a lot that passes on: `way` -1 leaves its owner, +1 comes to the next, at what a piece of it cost."""
    instrument, side = book.instrument, 1 if book.quantity > 0 else -1
    pieces = abs(book.quantity) * instrument.multiplier
    return Fill(
        trade_id=trade_id,
        order_id="",
        instrument=instrument,
        side=Side(side * way),
        quantity=quantity,
        price_units=share_of.py_func(abs(book.cost_units), 1, pieces),
        charges_units=0,
        time_ns=now_ns,
        product=book.product,
        owner=owner,
        purpose=Purpose.ASSIGN,
    )

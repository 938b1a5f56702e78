"""What a flatten may close: shorts come before longs, and never more than is confirmed to be there.

Pure decisions. What two owners hold against each other is nothing at the broker, and nothing is sent for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.core.model import Order, OrderRequest, Position, Product, Purpose
from engine.protection import exit_of

Place = tuple[str, Product]
"""Instrument and product: what the broker nets together."""


@dataclass(frozen=True, slots=True)
class Exit:
    """So much of one owner's position is to be closed now."""

    book: Position
    quantity: int

    def request(self) -> OrderRequest:
        """Return it as an order at market."""
        return exit_of(self.book, Purpose.EXIT, self.quantity)


def place_of(what: Position | OrderRequest) -> Place:
    """Return where the broker keeps it."""
    return what.instrument.key, what.product


def nets_of(books: Iterable[Position]) -> dict[Place, int]:
    """Return the signed net of each instrument and product."""
    nets: dict[Place, int] = {}
    for book in books:
        nets[place_of(book)] = nets.get(place_of(book), 0) + book.quantity
    return nets


def gaps_of(books: Iterable[Position], truth: Iterable[Position]) -> dict[Place, int]:
    """Return by how much the broker's positions differ from what our own fills come to, read at the same time."""
    ours, theirs = nets_of(books), nets_of(truth)
    return {place: theirs.get(place, 0) - net for place, net in ours.items()}


def confirmed_nets(books: Iterable[Position], gaps: Mapping[Place, int]) -> dict[Place, int]:
    """Return what may be closed of each net: what our own fills come to, but no more than the broker has on that side.

    `gaps`: as they were when the broker was last read; fills that came since then count on both sides.
    """
    return {place: _nearer_to_zero(net, net + gaps.get(place, 0)) for place, net in nets_of(books).items()}


def exits(books: Sequence[Position], nets: Mapping[Place, int], working: Sequence[Order]) -> list[Exit]:
    """Return what may be closed: shorts before longs, the largest first.

    `working`: all orders that may still fill, of unknown fate too; what they would close already is left to them.
    """
    made: list[Exit] = []
    left = {place: max(0, abs(net) - _leaves(place, net, working)) for place, net in nets.items()}
    for book in sorted(books, key=lambda book: (book.quantity > 0, -abs(book.quantity))):
        place = place_of(book)
        if book.quantity * nets.get(place, 0) <= 0:
            continue
        quantity = min(abs(book.quantity), left[place])
        quantity -= quantity % book.instrument.lot_size
        if quantity > 0:
            left[place] -= quantity
            made.append(Exit(book, quantity))
    return made


def sliced(exit_: Exit) -> list[Exit]:
    """Cut an exit into orders of at most the freeze quantity, in whole lots."""
    instrument = exit_.book.instrument
    most = instrument.freeze_quantity // instrument.lot_size * instrument.lot_size
    if most <= 0 or exit_.quantity <= most:
        return [exit_]
    return [replace(exit_, quantity=min(most, exit_.quantity - at)) for at in range(0, exit_.quantity, most)]


def _leaves(place: Place, net: int, working: Iterable[Order]) -> int:
    """Return how much of a net is being closed already."""
    return sum(order.remaining for order in working if place_of(order.request) == place and order.request.side * net < 0)


def _nearer_to_zero(ours: int, theirs: int) -> int:
    if ours * theirs <= 0:
        return 0
    return ours if abs(ours) <= abs(theirs) else theirs

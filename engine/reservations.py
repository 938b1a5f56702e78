"""What orders on their way may still do to the account: counted from the moment they are allowed until they end.

An order of unknown fate counts as working, so that a burst of orders can never slip past a limit together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core.facts import PROTECTIVE
from engine.core.model import Instrument, Order, OrderRequest, OrderStatus, OrderType, Pending, Product

ANYONE = ""
"""Stands for all owners together."""


_AT_A_TRIGGER = frozenset({OrderType.SL, OrderType.SL_M})
_AT_THE_EXCHANGE = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL})


@dataclass(slots=True)
class Reservation:
    """One order that is on its way or works."""

    instrument: Instrument
    key: str
    product: Product
    owner: str
    quantity: int
    """Signed, still to be filled."""
    asked: int
    opened_units: int
    """Money that the whole order would bind."""
    is_exit: bool
    is_protective: bool
    price: float | None
    """Limit; None at market."""
    is_waiting: bool
    """It waits for its trigger, and cannot fill before."""

    @property
    def held_units(self) -> int:
        """Money that what is still to be filled would bind."""
        return self.opened_units * abs(self.quantity) // self.asked if self.asked else 0


class Reservations:
    """The risk of all working orders."""

    def __init__(self, is_cancel_certain: bool = False) -> None:
        """`is_cancel_certain`: an order whose cancel was asked for is taken as gone, as on a market of our own."""
        self._is_cancel_certain = is_cancel_certain
        self._kept: dict[int, Reservation] = {}
        self._last = 0

    def __len__(self) -> int:
        """Count the orders that are on their way or working."""
        return len(self._kept)

    def add(self, request: OrderRequest, opened_units: int) -> int:
        """Count a request from now on; returns its number."""
        self._last += 1
        self._kept[self._last] = Reservation(
            request.instrument,
            request.instrument.key,
            request.product,
            request.owner,
            request.signed_quantity,
            request.quantity,
            opened_units,
            request.is_exit,
            request.purpose in PROTECTIVE,
            request.price,
            request.order_type in _AT_A_TRIGGER,
        )
        return self._last

    def holds(self, number: int) -> bool:
        """Tell whether it still counts."""
        return number in self._kept

    def of(self, number: int) -> Reservation | None:
        """Return what counts under a number, None when nothing does."""
        return self._kept.get(number)

    def numbers(self) -> set[int]:
        """List the numbers under which something counts."""
        return set(self._kept)

    def release(self, number: int) -> None:
        """Count it no longer."""
        self._kept.pop(number, None)

    def on_order(self, order: Order) -> None:
        """Count what is left of an order; nothing once it has ended."""
        if order.status.is_terminal or (self._is_cancel_certain and order.pending is Pending.CANCEL):
            self.release(order.reservation)
        elif kept := self._kept.get(order.reservation):
            kept.quantity = order.remaining * int(order.request.side)
            kept.price = order.price
            kept.is_waiting = kept.is_waiting and order.status not in _AT_THE_EXCHANGE

    def restore(self, order: Order, opened_units: int) -> int:
        """Count a working order of before a restart, or of somebody else; returns its number."""
        number = self.add(order.request, opened_units)
        self._kept[number].quantity = order.remaining * int(order.request.side)
        return number

    def __iter__(self) -> Iterator[Reservation]:
        """Walk over the orders that are on their way or working."""
        return iter(self._kept.values())

    def load(self, owner: str = ANYONE) -> tuple[int, int, set[tuple[str, Product]]]:
        """Return `count`, `units` and `keys` of an owner at once."""
        if not self._kept:
            return 0, 0, set()
        return self.count(owner), self.units(owner), self.keys(owner)

    def count(self, owner: str = ANYONE) -> int:
        """Count the owner's orders."""
        return sum(owner in (ANYONE, kept.owner) for kept in self._kept.values())

    def pending(self, key: str, product: Product, owner: str = ANYONE, side: int = 0) -> tuple[int, int]:
        """Return the signed quantity that entries may still add, and the quantity that exits (protection apart) are closing.

        With a `side` only its entries count: those of the other side may not fill at all.
        """
        entering = closing = 0
        for kept in self._kept.values():
            if kept.key == key and kept.product is product and owner in (ANYONE, kept.owner):
                if not kept.is_exit:
                    entering += kept.quantity if kept.quantity * side >= 0 else 0
                elif not kept.is_protective:
                    closing += abs(kept.quantity)
        return entering, closing

    def closing(self, key: str, product: Product, owner: str = ANYONE) -> int:
        """Return the quantity that exits are closing, protective orders apart."""
        return self.pending(key, product, owner)[1]

    def units(self, owner: str = ANYONE) -> int:
        """Return the money that entries may still bind."""
        return sum(kept.held_units for kept in self._kept.values() if not kept.is_exit and owner in (ANYONE, kept.owner))

    def keys(self, owner: str = ANYONE) -> set[tuple[str, Product]]:
        """List instruments and products that entries may open a position in."""
        return {(k.key, k.product) for k in self._kept.values() if not k.is_exit and owner in (ANYONE, k.owner)}

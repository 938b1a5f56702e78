"""Sends an exit once more whose fate nobody knows: as much as leaves both together within what is held, the rest once it is proven lost.

Entries are never sent again, nor is anything while the broker holds something else than we do: then the first may have filled. A protective
order covers all that is held, so nothing is left over beside it; the guard places it anew once it is proven lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from engine.brokers.base import Broker
from engine.clock import Clock
from engine.core.errors import BrokerError
from engine.core.facts import PROTECTIVE
from engine.core.model import Order, OrderRequest, OrderStatus, OrderUpdate, Position, Product
from engine.order_manager import OrderManager
from engine.position_tracker import BookKey, PositionTracker
from engine.reconcile import Reconciler
from engine.tasks import Tasks

S = OrderStatus

AFTER_S = 15.0
"""So long an exit of unknown fate is only looked up; and so often it is looked at again whether it may be sent once more."""

_NOT_SENT = (S.REJECTED, S.DENIED, S.NOT_PLACED)
"""Ends of a second try after which nothing has left."""


class Door(Protocol):
    """What may be done: the session."""

    def submit(self, request: OrderRequest, *, by_hand: bool | None = None) -> Order:
        """Send an order past the rules."""
        ...

    def on_order_update(self, update: OrderUpdate) -> None:
        """Take what the broker says of an order."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader."""
        ...


class SecondTries:
    """The exits of unknown fate."""

    def __init__(
        self,
        door: Door,
        orders: OrderManager,
        positions: PositionTracker,
        broker: Broker,
        reconciler: Reconciler,
        clock: Clock,
        tasks: Tasks,
        is_halted: Callable[[], bool],
    ) -> None:
        """While `is_halted` nothing is sent: what is left then is a person's affair."""
        self._door, self._orders, self._positions = door, orders, positions
        self._broker, self._reconciler = broker, reconciler
        self._clock, self._tasks, self._is_halted = clock, tasks, is_halted
        self._busy: dict[str, BookKey] = {}

    def is_busy(self, book: Position) -> bool:
        """Tell whether an exit of that position may be sent once more from here."""
        return not self._is_halted() and (book.instrument.key, book.product, book.owner) in self._busy.values()

    def on_order(self, order: Order) -> None:
        """Look at an order's new state: an exit of unknown fate is seen to."""
        request = order.request
        if order.status is not S.UNKNOWN or not request.is_exit or request.purpose in PROTECTIVE:
            return
        if order.id not in self._busy and not self._was_tried(order.id):
            self._busy[order.id] = (request.instrument.key, request.product, request.owner)
            self._tasks.spawn(self._see_to(order.id), f"see to exit {order.id} of unknown fate", service=True)

    def _was_tried(self, order_id: str) -> bool:
        """Tell whether it was sent once more already, before a restart too: the second names the first as its group."""
        return any(order.request.group == order_id and order.request.is_exit for order in self._orders.orders)

    async def _see_to(self, order_id: str) -> None:
        try:
            is_told = False
            while True:
                await self._clock.sleep(AFTER_S)
                if not await self._may_be_weighed(order_id):
                    continue
                first = self._orders.order(order_id)
                if first.status not in (S.UNKNOWN, S.NOT_PLACED) or self._wanted(first) == 0:
                    return
                if self._send(first):
                    return
                if not is_told:
                    is_told = True
                    self._tell_waiting(first)
        finally:
            self._busy.pop(order_id, None)

    async def _may_be_weighed(self, order_id: str) -> bool:
        """Read the broker's orders and positions; tells whether both could be read, and it holds what we hold.

        What has come to its end without being lost needs no reading.
        """
        first = self._orders.order(order_id)
        if first.status not in (S.UNKNOWN, S.NOT_PLACED):
            return True
        if self._is_halted():
            return False
        try:
            for update in list(await self._broker.orders()):
                self._door.on_order_update(update)
            return await self._reconciler.agrees_on(first.instrument.key, first.request.product)
        except BrokerError:
            return False

    def _wanted(self, first: Order) -> int:
        """Return what of an exit is still to be closed for its owner."""
        request = first.request
        held = self._positions.closable(self._positions.position(first.instrument, request.product, request.owner))
        return min(first.quantity - first.filled, abs(held)) if held * request.side < 0 else 0

    def _send(self, first: Order) -> bool:
        """Send as much as may be, once; tells whether it did."""
        request, key = first.request, first.instrument.key
        net = self._positions.quantity(key, request.product)
        left = room(net, first, self._orders.working(key=key))
        quantity = min(self._wanted(first), left)
        quantity -= quantity % first.instrument.lot_size
        if quantity <= 0 or net * request.side >= 0:
            return False
        again = replace(request, quantity=quantity, group=first.id, is_sliced=first.instrument.must_slice(quantity))
        second = self._door.submit(again, by_hand=True)
        self._orders.note("SECOND_TRY", order=second.id, first=first.id, quantity=quantity, net=net, room=left)
        was = "was never placed" if first.status is S.NOT_PLACED else "is of unknown fate"
        sent = f"could not be sent again ({second.message})" if second.status in _NOT_SENT else f"goes out again as order {second.id}"
        self._door.warn(
            f"Exit {first.id} of {first.quantity} {first.instrument.symbol} of {request.owner} {was}; {quantity} of it {sent}, "
            f"{abs(net)} being held. Look at the broker's order list that there are not two."
        )
        return True

    def _tell_waiting(self, first: Order) -> None:
        self._door.warn(
            f"Exit {first.id} of {first.quantity} {first.instrument.symbol} of {first.request.owner} is of unknown fate. It "
            "is not sent again before it is proven lost: both together could close more than is held. Look for it at the broker."
        )


def room(net: int, first: Order, working: Iterable[Order]) -> int:
    """Return how much more may be closed of a net that the broker confirms, so that all that may still fill never turns it round.

    Everything that works on its closing counts, orders of unknown fate in full. Once the first is proven lost its owner's own protection
    counts no more: as for any exit, one fill takes the other back.
    """
    place: tuple[str, Product] = first.instrument.key, first.request.product
    leaves = 0
    for order in working:
        request = order.request
        is_here = (request.instrument.key, request.product) == place and request.side * net < 0
        is_sibling = request.purpose in PROTECTIVE and request.owner == first.request.owner
        if is_here and not (is_sibling and first.status is S.NOT_PLACED):
            leaves += order.remaining
    return max(0, abs(net) - leaves)

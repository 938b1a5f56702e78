"""Exits that the exchange refused: tried again as limits it takes, in smaller parts where they were too large, then left to a person.

A refusal names a price band, a circuit or a freeze quantity; what is held stays held and shown until something fills. Each new try is an
order of its own, of at most what is still to be closed; after one of unknown fate nothing more is sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from engine.brokers.base import Broker
from engine.clock import Clock
from engine.core.errors import BrokerError
from engine.core.facts import PROTECTIVE
from engine.core.model import Order, OrderRequest, OrderStatus, OrderType, Position
from engine.order_manager import OrderManager
from engine.position_tracker import BookKey, PositionTracker
from engine.remainder import Remainders, price_of
from engine.reservations import Reservations
from engine.tasks import Tasks

S = OrderStatus

RUNGS = ((1.0, 0.1), (2.0, 0.0), (4.0, 0.5), (8.0, 1.0))
"""Seconds to wait, and how many percent beyond the other side's best price the limit lies, try after try."""

ANSWERS_WITHIN_S = 5.0

_STEP_S = 0.25
_AT_MARKET = frozenset({OrderType.MARKET, OrderType.SL_M})
_ON_ITS_WAY = frozenset({S.INTENT, S.SENT, S.ACKED})


class Door(Protocol):
    """What may be done: the session."""

    def submit(self, request: OrderRequest, *, by_hand: bool | None = None) -> Order:
        """Send an order past the rules."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader."""
        ...


class Refused:
    """The exits that were refused."""

    def __init__(
        self,
        door: Door,
        orders: OrderManager,
        positions: PositionTracker,
        reservations: Reservations,
        broker: Broker,
        clock: Clock,
        tasks: Tasks,
        remainders: Remainders,
    ) -> None:
        self._door, self._orders, self._positions, self._reservations = door, orders, positions, reservations
        self._broker, self._clock, self._tasks, self._remainders = broker, clock, tasks, remainders
        self._busy: set[BookKey] = set()

    def is_busy(self, book: Position) -> bool:
        """Tell whether an exit of that position is being tried again."""
        return (book.instrument.key, book.product, book.owner) in self._busy

    def on_order(self, order: Order) -> None:
        """Look at an order's new state: an exit at market that was refused is tried again."""
        request = order.request
        key = (request.instrument.key, request.product, request.owner)
        is_ours = request.is_exit and request.purpose not in PROTECTIVE and request.order_type in _AT_MARKET
        if is_ours and order.status is S.REJECTED and key not in self._busy:
            self._busy.add(key)
            self._tasks.spawn(self._again(order, key), f"try exit {order.id} again", service=True)

    async def _again(self, order: Order, key: BookKey) -> None:
        try:
            pieces = 1
            said = order.message
            for wait_s, beyond_pct in RUNGS:
                pieces *= 2 if "freeze" in said.lower() else 1
                await self._clock.sleep(wait_s)
                if self._left(order) == 0:
                    return
                last = await self._try(order, beyond_pct, pieces)
                if last is not None and last.status not in (S.REJECTED, S.DENIED, S.NOT_PLACED):
                    return
                said = last.message if last is not None else said
            if left := self._left(order):
                self._door.warn(
                    f"{left} {order.instrument.symbol} of {order.request.owner} are still held: every exit was refused ({said}). "
                    "Close them by hand, at a price that the exchange takes."
                )
        finally:
            self._busy.discard(key)

    async def _try(self, order: Order, beyond_pct: float, pieces: int) -> Order | None:
        """Send what is left as limits, one part after the other; returns the last, None when there is no price to send it at."""
        try:
            quotes = await self._broker.quote([order.instrument])
        except BrokerError:
            return None
        price = price_of(order, quotes, beyond_pct)
        sent: Order | None = None
        for quantity in _parts(self._left(order), order.instrument.lot_size, pieces) if price is not None else ():
            is_sliced = order.instrument.must_slice(quantity)
            request = replace(order.request, quantity=quantity, order_type=OrderType.LIMIT, price=price, is_sliced=is_sliced)
            sent = await self._answered(self._door.submit(request, by_hand=True))
            if sent.status in (S.REJECTED, S.DENIED, S.NOT_PLACED, S.UNKNOWN):
                break
            self._remainders.see_through(sent.id)
        return sent

    async def _answered(self, order: Order) -> Order:
        """Wait until the exchange has said something of it."""
        waited_s = 0.0
        while (now := self._orders.order(order.id)).status in _ON_ITS_WAY and waited_s < ANSWERS_WITHIN_S:
            await self._clock.sleep(_STEP_S)
            waited_s += _STEP_S
        return now

    def _left(self, order: Order) -> int:
        """Return what of a refused exit is still held and not being closed already."""
        request = order.request
        held = self._positions.closable(self._positions.position(order.instrument, request.product, request.owner))
        if held * request.side >= 0:
            return 0
        closing = self._reservations.closing(order.instrument.key, request.product, request.owner)
        return max(0, min(abs(held) - closing, order.quantity - order.filled))


def _parts(quantity: int, lot: int, pieces: int) -> list[int]:
    """Cut a quantity into so many parts of whole lots, fewer when there are not that many lots."""
    lots = quantity // lot
    pieces = min(pieces, lots)
    return [lot * (lots // pieces + (number < lots % pieces)) for number in range(pieces)]

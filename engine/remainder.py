"""Sees an exit at market through to its end: what the broker's market protection has left resting is priced anew until it fills.

Where a broker takes no bare market orders, one becomes a limit near the last price, and what does not fill there stays open. Entries may
stay; exits may not. Each new price goes through the journal like any change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.brokers.base import Broker
from engine.clock import Clock
from engine.core.errors import BrokerError, InvalidOrder
from engine.core.grid import to_tick
from engine.core.model import Order, OrderChange, OrderStatus, OrderType, Pending, Purpose, Quote, Side
from engine.order_manager import OrderManager
from engine.tasks import Tasks

WAITS_S = 2.0
"""How long a remainder may rest before it is priced anew."""

BEYOND_PCT = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""How far beyond the other side's best price each new price lies."""

_AT_MARKET = frozenset({OrderType.MARKET, OrderType.SL_M})
_RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL})


class Mover(Protocol):
    """What the session does for us."""

    def move_order(self, order_id: str, change: OrderChange, purpose: Purpose) -> None:
        """Change an order without asking the rules."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader what must be looked at."""
        ...


class Remainders:
    """The exits that rest although they were meant to fill at once."""

    def __init__(self, mover: Mover, orders: OrderManager, broker: Broker, clock: Clock, tasks: Tasks) -> None:
        self._mover, self._orders, self._broker = mover, orders, broker
        self._clock, self._tasks = clock, tasks
        self._chased: set[str] = set()
        self._followed: set[str] = set()

    def see_through(self, order_id: str) -> None:
        """Price an exit with a limit anew until it fills, like one at market that rests."""
        self._followed.add(order_id)
        self.on_order(self._orders.order(order_id))

    def on_order(self, order: Order) -> None:
        """Look at an order's new state: an exit at market that rests is seen through."""
        if order.id in self._chased or not self._is_remainder(order):
            return
        if order.id in self._followed or self._broker.capabilities.has_market_protection:
            self._chased.add(order.id)
            self._tasks.spawn(self._chase(order.id), f"see exit {order.id} through", service=True)

    def _is_remainder(self, order: Order) -> bool:
        return is_remainder(order) or (order.id in self._followed and order.status in _RESTING)

    async def _chase(self, order_id: str) -> None:
        for beyond_pct in BEYOND_PCT:
            await self._clock.sleep(WAITS_S)
            order = self._orders.order(order_id)
            if order.status.is_terminal:
                return
            if order.pending is Pending.NONE and self._is_remainder(order):
                await self._price_anew(order, beyond_pct)
        await self._clock.sleep(WAITS_S)
        order = self._orders.order(order_id)
        if not order.status.is_terminal:
            symbol = order.instrument.symbol
            self._mover.warn(
                f"{order.remaining} of the exit in {symbol} have not filled at any price near the last; change it or close by hand."
            )

    async def _price_anew(self, order: Order, beyond_pct: float) -> None:
        try:
            quotes = await self._broker.quote([order.instrument])
        except BrokerError:
            return  # the next try may know more
        price = price_of(order, quotes, beyond_pct)
        if price is None or price == order.price or not self._is_remainder(self._orders.order(order.id)):
            return
        try:
            self._mover.move_order(order.id, OrderChange(price=price, order_type=OrderType.LIMIT), order.request.purpose)
        except InvalidOrder as error:
            self._mover.warn(f"The exit in {order.instrument.symbol} rests and cannot be priced anew: {error}")


def is_remainder(order: Order) -> bool:
    """Tell whether an order is an exit at market of which something rests."""
    return order.request.is_exit and order.request.order_type in _AT_MARKET and order.status in _RESTING


def price_of(order: Order, quotes: Sequence[Quote], beyond_pct: float) -> float | None:
    """Return a limit that fills at once: beyond the other side's best price, or the last one; None when neither is known."""
    if not quotes:
        return None
    side, quote = order.request.side, quotes[0]
    base = (quote.ask if side is Side.BUY else quote.bid) or quote.last_price
    if base <= 0.0:
        return None
    tick = float(order.instrument.tick_size)
    return float(max(tick, to_tick.plain(base * (1.0 + side * beyond_pct / 100.0), tick)))

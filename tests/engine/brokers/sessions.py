"""A session of a few lines, market data by hand, and what else the brokers' tests share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count

import numpy as np

from engine.brokers.base import Broker
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.model import (
    BrokerFill,
    Exchange,
    Instrument,
    LinkState,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Side,
)
from engine.core.records import BAR, Rows
from engine.tasks import Tasks

OPEN_NS = int(datetime(2025, 10, 29, 3, 45, tzinfo=UTC).timestamp()) * SECOND_NS  # 09:15 IST
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
TCS = Instrument(Exchange.NSE, "TCS", 2953217)


class FakeSession:
    """Hears a broker, keeps all of it, and trades through tasks as the real session does."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.frames: list[Rows] = []
        self.times: list[int] = []
        self.updates: list[OrderUpdate] = []
        self.links: list[LinkState] = []
        self.heard: list[str] = []
        self.orders: dict[str, Order] = {}
        self.errors: list[Exception] = []
        self.on_time_do: Callable[[int], None] = lambda time_ns: None
        self.on_update_do: Callable[[OrderUpdate], None] = lambda update: None
        self.on_ticks_do: Callable[[Rows], None] = lambda ticks: None
        self._tasks = Tasks(on_failure=lambda name, error: self.errors.append(error))  # type: ignore[arg-type]
        self._numbers = count(1)
        broker.attach(self)

    def on_ticks(self, ticks: Rows) -> None:
        self.frames.append(ticks.copy())
        self.heard.append("ticks")
        self.on_ticks_do(ticks)

    def on_time(self, time_ns: int) -> None:
        self.times.append(time_ns)
        self.heard.append(f"time {(time_ns - OPEN_NS) // MINUTE_NS}")
        self.on_time_do(time_ns)

    def on_order_update(self, update: OrderUpdate) -> None:
        self.updates.append(update)
        self.heard.append(f"{update.status} {update.filled}")
        self.on_update_do(update)

    def on_link(self, state: LinkState, reason: str) -> None:
        self.links.append(state)

    async def settle(self) -> None:
        await self._tasks.settle()

    def order(self, side: Side, quantity: int, **request: object) -> Order:
        """Make an order that is ready to be sent."""
        instrument = request.pop("instrument", RELIANCE)
        made = OrderRequest(instrument, side, quantity, **request)  # type: ignore[arg-type]
        return Order(f"T{next(self._numbers):019d}", made, OrderStatus.SENT, quantity=quantity, price=made.price)

    def place(self, side: Side, quantity: int, **request: object) -> Order:
        """Send an order in a task of its own."""
        order = self.order(side, quantity, **request)
        self.orders[order.id] = order
        self._tasks.spawn(self._place(order), f"place {order.id}")
        return order

    def cancel(self, order: Order) -> None:
        self._tasks.spawn(self.broker.cancel(order), "cancel")

    def modify(self, order: Order, **change: object) -> None:
        self._tasks.spawn(self.broker.modify(order, OrderChange(**change)), "modify")  # type: ignore[arg-type]

    async def _place(self, order: Order) -> None:
        await self.broker.place(order)

    def fills(self) -> list[tuple[str, BrokerFill]]:
        return [(update.tag, fill) for update in self.updates for fill in update.fills]

    def fill_prices(self) -> list[float]:
        return [fill.price for _, fill in self.fills()]

    def statuses(self, order: Order) -> list[OrderStatus | None]:
        return [update.status for update in self.updates if update.tag == order.id]

    async def run(self, *watched: Instrument) -> None:
        """Connect, subscribe, play to the end and close."""
        await self.broker.connect()
        await self.broker.subscribe(watched or await self.broker.instruments())
        await self.broker.start_market()
        await self.broker.wait_until_done()
        await self.broker.close()


def bars_of(*prices: Sequence[float], first_minute: int = 0, volume: float = 100.0, open_ns: int = OPEN_NS) -> Rows:
    """Make minute bars of (open, high, low, close), one after the other."""
    rows = np.zeros(len(prices), dtype=BAR)
    for i, (row, (open_, high, low, close)) in enumerate(zip(rows, prices, strict=True)):
        row.time_ns = open_ns + (first_minute + i) * MINUTE_NS
        row.session_minute = first_minute + i
        row.open, row.high, row.low, row.close, row.volume = open_, high, low, close, volume
    return rows


LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M


def minute(number: int) -> int:
    """Return the time of a minute of the session."""
    return OPEN_NS + number * MINUTE_NS

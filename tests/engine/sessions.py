"""A real session between a store and a broker that do as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.model import Order, OrderChange, OrderRequest, OrderStatus, Purpose
from engine.core.records import TICK
from engine.session import TradingSession
from engine.view import EngineView
from tests.engine.fakes import RELIANCE, SECOND_NS, TCS, FakeBroker, FakeStore, request

S = OrderStatus
CAPITAL = 1_000_000 * 10_000


class SessionBench:
    """A session, its broker, its store and its screen."""

    def __init__(
        self,
        limits: Mapping[str, float] | None = None,
        *,
        is_live: bool = False,
        with_view: bool = True,
        calendar: Calendar | None = None,
        latch: Path | None = None,
        store: FakeStore | None = None,
        broker: FakeBroker | None = None,
    ) -> None:
        self.broker = broker or FakeBroker(is_live=is_live)
        self.store = store or FakeStore()
        self.view = EngineView() if with_view else None
        self.wall = ManualClock(self.broker.clock.now_ns())
        self.notices: list[tuple[str, str]] = []
        if self.view is not None:
            self.view.notice_given.connect(lambda level, text: self.notices.append((level, text)))
        self.session = TradingSession(
            self.broker, self.store, self.view, limits=limits or {}, capital_units=CAPITAL, calendar=calendar, wall=self.wall, latch=latch
        )

    async def open(self) -> SessionBench:
        """Open the session and quote RELIANCE at 100."""
        await self.session.open()
        await self.session.subscribe([RELIANCE, TCS])
        self.quote(100.0)
        return self

    def quote(self, *prices: float) -> None:
        """Let RELIANCE trade at these prices, a second apart."""
        for price in prices:
            self.broker.clock.advance(1)
            frame = np.zeros(1, dtype=TICK)
            row = frame[0]
            row.instrument_token, row.mode, row.last_price = RELIANCE.token, 1, price
            row.exchange_time = self.broker.clock.now_ns() // SECOND_NS
            self.session.on_ticks(frame)

    def submit(self, side: int = 1, quantity: int = 10, **more: Any) -> Order:
        return self.session.submit(request(side, quantity, **more))

    async def settle(self) -> None:
        """Let everything that was sent rest at the exchange."""
        while True:
            await self.session.settle()
            acked = [o for o in self.session.orders.working() if o.status is S.ACKED]
            changing = [(o, c) for o, c in self.broker.changes if self.now(o).pending.value == "modify"]
            cancelling = [o for o in self.broker.cancels if self.now(o).pending.value == "cancel"]
            if not (acked or changing or cancelling):
                return
            for order in acked:
                self.says(order, S.TRIGGER if order.request.trigger_price else S.OPEN)
            for order, change in changing:
                self._take_change(order, change)
            for order in cancelling:
                self.says(order, S.CANCELLED, filled=self.now(order).filled)

    def _take_change(self, order: Order, change: OrderChange) -> None:
        now = self.now(order)
        self.says(order, now.status, filled=now.filled, quantity=change.quantity, price=change.price, trigger_price=change.trigger_price)

    def says(self, order: Order, status: OrderStatus | None, *fills: tuple[str, int, float], **more: Any) -> None:
        """Let the broker say something of an order."""
        self.broker.clock.advance(0.001)
        self.session.on_order_update(self.broker.update(self.now(order), status, *fills, **more))

    def fill(self, order: Order, price: float, quantity: int | None = None) -> None:
        """Let an order fill, in full unless said."""
        now = self.now(order)
        left = now.remaining if quantity is None else quantity
        status = S.FILLED if left == now.remaining else S.PARTIAL
        self.says(order, status, (f"T{len(self.session.orders.trades)}", left, price), filled=now.filled + left)

    def now(self, order: Order) -> Order:
        return self.session.orders.order(order.id)

    def working(self, *purposes: Purpose) -> list[Order]:
        """List working orders, of these purposes if given."""
        return [o for o in self.session.orders.working() if not purposes or o.request.purpose in purposes]

    def resting(self) -> list[tuple[str, int, float | None, int]]:
        """Say what protects: purpose, side, price or trigger, what is left."""
        protective = self.working(Purpose.STOP, Purpose.TARGET, Purpose.TRAIL)
        return sorted((o.request.purpose.value, int(o.request.side), o.trigger_price or o.price, o.remaining) for o in protective)

    async def entered(self, side: int = 1, quantity: int = 10, price: float = 100.0, **more: Any) -> Order:
        """Enter a position that fills at a price, with its protection at rest."""
        order = self.submit(side, quantity, **more)
        await self.settle()
        self.fill(order, price)
        await self.settle()
        return self.now(order)

    async def close(self) -> None:
        await self.session.close()


def asked(order: Order) -> OrderRequest:
    """Return what an order asks."""
    return order.request


async def turns(count: int = 5) -> None:
    """Give the loop some turns."""
    for _ in range(count):
        await asyncio.sleep(0)

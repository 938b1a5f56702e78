"""A broker at the Kite-protocol exchange, a session that hears it, and a clock that agrees with the exchange's."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from engine.brokers.zerodha.broker import ZerodhaBroker
from engine.brokers.zerodha.secrets import MemoryKeyring, Secret, Token, Vault
from engine.clock import Clock, SystemClock
from engine.core.model import LinkState, Order, OrderStatus, OrderUpdate
from engine.core.records import Rows
from tests.kite_exchange.process import RunningExchange

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
WITHIN_S = 30.0
"""What takes longer has failed; nothing here waits that long when all is well."""


class ExchangeClock(SystemClock):
    """The wall's clock, set to the exchange's day and hour."""

    def __init__(self, exchange: RunningExchange) -> None:
        self.ahead_ns = int(exchange.control("now")["time_ns"]) - super().now_ns()

    def now_ns(self) -> int:
        return super().now_ns() + self.ahead_ns


class Ear:
    """Hears a broker and keeps all of it."""

    def __init__(self) -> None:
        self.links: list[tuple[LinkState, str]] = []
        self.updates: list[OrderUpdate] = []
        self.ticks = 0
        self.last_price: dict[int, float] = {}
        self.times: list[int] = []
        self.gaps: list[tuple[list[int], int, int]] = []
        self.changed = asyncio.Event()

    def on_ticks(self, ticks: Rows) -> None:
        self.ticks += len(ticks)
        self.last_price.update(zip(ticks["instrument_token"].tolist(), ticks["last_price"].tolist(), strict=True))
        self.changed.set()

    def on_time(self, time_ns: int) -> None:
        self.times.append(time_ns)
        self.changed.set()

    def on_order_update(self, update: OrderUpdate) -> None:
        self.updates.append(update)
        self.changed.set()

    def on_gap(self, tokens: Sequence[int], from_ns: int, to_ns: int) -> None:
        self.gaps.append((list(tokens), from_ns, to_ns))
        self.changed.set()

    def on_link(self, state: LinkState, reason: str) -> None:
        self.links.append((state, reason))
        self.changed.set()

    async def settle(self) -> None: ...

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until something is so, looking whenever something was heard."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()

    def latest(self, order: Order) -> OrderUpdate | None:
        """Return the last update of an order."""
        return next((update for update in reversed(self.updates) if update.tag == order.id), None)

    async def sees(self, order: Order, *statuses: OrderStatus) -> OrderUpdate:
        """Wait for an order to be in one of these."""
        await self.until(lambda: (found := self.latest(order)) is not None and found.status in statuses)
        found = self.latest(order)
        assert found is not None
        return found


def pasted(exchange: RunningExchange) -> str:
    """Return the address at which a browser ends that logs in."""
    with OPENER.open(exchange.login_url, timeout=10) as answer:
        return str(answer.geturl())


def make_broker(exchange: RunningExchange, *, logged_in: bool = True, wall: Clock | None = None, **where: Any) -> ZerodhaBroker:
    """Make a broker at the exchange, its session waiting in a keyring of its own."""
    clock = wall or ExchangeClock(exchange)
    ring = MemoryKeyring()
    if logged_in:
        token = Token(Secret(exchange.login()), exchange.user_id, "A. Trader", clock.now_ns() + 8 * 3_600 * 10**9)
        Vault(exchange.api_key, ring).keep_token(token)
    page = f"{exchange.root}/connect/login"
    fields = {"root": exchange.root, "ws_root": exchange.ws_root, "keyring": ring, "page": page, "redirect_port": 0}
    return ZerodhaBroker(exchange.api_key, exchange.api_secret, wall=clock, **(fields | where))


@contextlib.asynccontextmanager
async def connected(exchange: RunningExchange, **where: Any) -> AsyncIterator[tuple[ZerodhaBroker, Ear]]:
    """Connect a broker, and close it when the block ends."""
    broker, ear = make_broker(exchange, **where), Ear()
    broker.attach(ear)
    try:
        await broker.connect()
        yield broker, ear
    finally:
        await broker.close()

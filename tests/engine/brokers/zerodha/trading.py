"""A whole session at the exchange, whose waits for an order of unknown fate take moments instead of minutes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from engine.brokers.zerodha.broker import ZerodhaBroker
from engine.core.model import HAND, Order, OrderRequest, OrderStatus, OrderType, Product, Purpose, Side
from engine.session import TradingSession
from tests.engine.brokers.zerodha.live import WITHIN_S, ExchangeClock, make_broker
from tests.engine.fakes import FakeStore
from tests.kite_exchange.process import RunningExchange

CAPITAL = 1_000_000 * 10_000


class HastyClock(ExchangeClock):
    """Waits a five-hundredth of what it is asked to."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 500)


class Floor:
    """A session, its broker, its store, and the exchange that knows what really happened."""

    def __init__(self, exchange: RunningExchange, broker: ZerodhaBroker, limits: dict[str, float]) -> None:
        self.exchange, self.broker, self.store = exchange, broker, FakeStore()
        self.session = TradingSession(
            broker, self.store, limits=limits, capital_units=CAPITAL, account="zerodha", clock=HastyClock(exchange), mode="live"
        )
        self.alarms: list[str] = []
        self.session.orders.alarm_raised.connect(self.alarms.append)

    def request(self, key: str = "NSE:INFY", side: int = 1, quantity: int = 10, **more: Any) -> OrderRequest:
        instrument = self.broker._catalogue.get(key)
        fields: dict[str, Any] = {"product": Product.MIS, "reference_price": 1500.0, "owner": HAND}
        if "price" in more and "order_type" not in more:
            fields["order_type"] = OrderType.LIMIT
        return OrderRequest(instrument, Side(side), quantity, **(fields | more))

    def submit(self, side: int = 1, quantity: int = 10, **more: Any) -> Order:
        return self.session.submit(self.request(side=side, quantity=quantity, **more))

    def exit(self, quantity: int = 10, **more: Any) -> Order:
        return self.submit(-1, quantity, purpose=Purpose.EXIT, **more)

    def now(self, order: Order) -> Order:
        return self.session.orders.order(order.id)

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():  # noqa: ASYNC110  # what changes here changes in many places
                await asyncio.sleep(0.01)

    async def sees(self, order: Order, *statuses: OrderStatus) -> Order:
        """Wait for an order to be in one of these."""
        try:
            await self.until(lambda: self.now(order).status in statuses)
        except TimeoutError:
            raise AssertionError(f"expected {statuses}, was {self.now(order)}") from None
        return self.now(order)

    def posts(self) -> list[dict[str, Any]]:
        """List the orders that the exchange was sent."""
        return list(self.exchange.control("calls", path="/orders/", method="POST"))

    def truth(self) -> dict[str, int]:
        """Return what is really held."""
        rows = self.exchange.control("ledger")["positions"]
        return {f"{row['exchange']}:{row['tradingsymbol']}": int(row["net"]) for row in rows}

    def held(self) -> dict[str, int]:
        """Return what the session holds."""
        return {position.instrument.key: position.quantity for position in self.session.positions.positions if position.quantity}

    async def agrees(self) -> None:
        """Wait until the session holds what is really held."""
        await self.until(lambda: self.held() == {key: held for key, held in self.truth().items() if held})


@contextlib.asynccontextmanager
async def trading(exchange: RunningExchange, *, limits: dict[str, float] | None = None, **where: Any) -> AsyncIterator[Floor]:
    """Open a session at the exchange, and close it when the block ends; its calls wait a third of a second for an answer."""
    floor = Floor(exchange, make_broker(exchange, **({"timeouts_s": (0.3, 0.3)} | where)), limits or {})
    try:
        await floor.session.open()
        exchange.control("forget_calls")
        yield floor
    finally:
        exchange.control("clear_faults")
        await floor.session.close()


def run(loop_run: Any, exchange: RunningExchange, scenario: Callable[[Floor], Awaitable[None]], **options: Any) -> None:
    """Play a scenario in a session of its own at the exchange, to its end."""

    async def whole() -> None:
        async with trading(exchange, **options) as floor:
            await scenario(floor)

    loop_run(whole())

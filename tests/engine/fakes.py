"""A broker and a store of a few lines, told by the test what to answer, and requests to send through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.brokers.base import Broker, Capabilities, Holding, Profile
from engine.clock import ManualClock
from engine.core.model import (
    BrokerFill,
    Exchange,
    Fill,
    Instrument,
    LinkState,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Pending,
    Position,
    Product,
    Purpose,
    Quote,
    Side,
)
from engine.core.records import Rows
from engine.store.rows import AccountDay, JournalEntry, SessionRow, Setting, StoreFailed

OPEN_NS = 1_735_789_500_000_000_000  # 2025-01-02 09:15 IST, a Thursday
SECOND_NS = 1_000_000_000
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561, tick_size=Decimal("0.05"), has_derivatives=True)
TCS = Instrument(Exchange.NSE, "TCS", 2953217, tick_size=Decimal("0.05"), has_derivatives=True)


def request(side: int = 1, quantity: int = 10, **more: Any) -> OrderRequest:
    """Make a request; a market order for RELIANCE at a reference price of 100 unless said."""
    fields: dict[str, Any] = {"instrument": RELIANCE, "reference_price": 100.0} | more
    if "price" in more and "order_type" not in more:
        fields["order_type"] = OrderType.LIMIT
    if "trigger_price" in more and "order_type" not in more:
        fields["order_type"] = OrderType.SL_M
    return OrderRequest(side=Side(side), quantity=quantity, **fields)


def a_fill(side: int, quantity: int, price: float, **more: Any) -> Fill:
    """Make a fill of RELIANCE by hand, free of charge unless said."""
    fields: dict[str, Any] = {
        "trade_id": "t", "order_id": "o", "instrument": RELIANCE, "charges_units": 0, "time_ns": OPEN_NS, "product": Product.MIS,
        "owner": "hand", "purpose": Purpose.ENTRY,
    }  # fmt: skip
    return Fill(side=Side(side), quantity=quantity, price_units=round(price * 10_000), **(fields | more))


class FakeStore:
    """Keeps what it is given; commits at once, or when the test says so."""

    def __init__(self) -> None:
        self.account = ""
        self.rows: list[Any] = []
        self.failure: StoreFailed | None = None
        self.holds = False
        self._held: list[asyncio.Future[None]] = []
        self.remembered: dict[str, list[Any]] = {}

    def write(self, *rows: Any) -> None:
        if self.failure is not None:
            raise self.failure
        self.rows.extend(rows)

    def commit(self, *rows: Any) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.failure is not None:
            done.set_exception(self.failure)
            return done
        self.rows.extend(rows)
        if self.holds:
            self._held.append(done)
        else:
            done.set_result(None)
        return done

    def release(self) -> None:
        """Let the disk be done with what it holds."""
        self.holds = False
        for done in self._held:
            done.set_result(None)
        self._held.clear()

    async def flush(self) -> None:
        await self.commit()

    def kinds(self, order_id: str | None = None) -> list[str]:
        """List the kinds of journal lines, of one order if given."""
        return [row.kind for row in self.rows if isinstance(row, JournalEntry) and order_id in (None, row.order_id)]

    def of(self, kind: type) -> list[Any]:
        """List the rows of a type."""
        return [row for row in self.rows if isinstance(row, kind)]

    def orders(self, account: str) -> list[Order]:
        return self.remembered.get("orders", [])

    def fills(self, account: str) -> list[Fill]:
        return self.remembered.get("fills", [])

    def sessions(self) -> list[SessionRow]:
        return self.remembered.get("sessions", [])

    def settings(self) -> dict[str, object]:
        return {row.name: row.value for row in [*self.remembered.get("settings", []), *self.of(Setting)]}

    def account_days(self, account: str) -> list[AccountDay]:
        return self.remembered.get("days", [])


class FakeBroker(Broker):
    """Answers as the test says, and reports only what the test lets it report."""

    name = "fake"

    def __init__(self, *, is_live: bool = True) -> None:
        super().__init__()
        self.capabilities = Capabilities(is_live=is_live)
        self.clock: ManualClock = ManualClock(OPEN_NS)
        self.sent: list[Order] = []
        self.changes: list[tuple[Order, OrderChange]] = []
        self.cancels: list[Order] = []
        self.answers: list[Exception] = []
        """What the next requests end with; when there is nothing left they succeed."""
        self.before_answer: Callable[[Order], None] = lambda order: None
        self.listed: list[OrderUpdate] = []
        self.held: list[Position] = []
        self.shares: list[Holding] = []
        self.list_fails: Exception | None = None
        self.subscribed: list[Instrument] = []
        self.warming_up = False
        self.is_closed = False

    @property
    def is_warming_up(self) -> bool:
        return self.warming_up

    async def connect(self) -> Profile:
        self.sink.on_link(LinkState.LIVE, "")
        return Profile("U1", "User", self.name)

    async def place(self, order: Order) -> str:
        self.sent.append(order)
        number = f"B{len(self.sent)}"
        self.before_answer(order)
        await self._answer()
        return number

    async def modify(self, order: Order, change: OrderChange) -> None:
        self.changes.append((order, change))
        await self._answer()

    async def cancel(self, order: Order) -> None:
        self.cancels.append(order)
        await self._answer()

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.answers:
            raise self.answers.pop(0)

    async def orders(self) -> Sequence[OrderUpdate]:
        if self.list_fails is not None:
            raise self.list_fails
        return self.listed

    async def positions(self) -> Sequence[Position]:
        return self.held

    async def holdings(self) -> Sequence[Holding]:
        return self.shares

    async def start_market(self) -> None: ...

    async def wait_until_done(self) -> None: ...

    async def close(self) -> None:
        self.is_closed = True

    async def instruments(self) -> Sequence[Instrument]:
        return [RELIANCE, TCS]

    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        self.subscribed.extend(instruments)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None: ...

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        return []

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        raise NotImplementedError

    def update(self, order: Order, status: OrderStatus | None, *fills: tuple[str, int, float], **more: Any) -> OrderUpdate:
        """Make an update of an order that was sent: its trades are (id, quantity, price)."""
        number = next((f"B{i}" for i, sent in enumerate(self.sent, 1) if sent.id == order.id), "")
        made = tuple(BrokerFill(trade_id, quantity, price, self.clock.now_ns()) for trade_id, quantity, price in fills)
        fields: dict[str, Any] = {"filled": sum(fill.quantity for fill in made), "pending": Pending.NONE, "time_ns": self.clock.now_ns()}
        return OrderUpdate(number, order.id, status, fills=made, **(fields | more))


def with_tag(update: OrderUpdate, tag: str) -> OrderUpdate:
    """Return the update with another tag."""
    return replace(update, tag=tag)

"""The simulated exchange behind a line on which everything may go wrong, in one process and by a clock that is moved by hand.

The exchange goes on whatever becomes of sessions; each session has a broker of its own at it. What a message breaks by coming at all is
noted at the moment when it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.brokers.simulated.account import ExchangeAccount
from engine.brokers.simulated.book_venue import BookVenue
from engine.brokers.simulated.exchange import Exchange
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.orders import ExchangeOrder
from engine.clock import ManualClock
from engine.core.errors import ConnectionLost, OrderRejected, OutcomeUnknown, RateLimited
from engine.core.model import Instrument, Order, OrderChange, OrderRequest, OrderUpdate, Position, TradingState, to_units
from engine.keyrings import Secret
from engine.session import TradingSession
from engine.tariffs import Tariff
from tests.engine.fakes import OPEN_NS, FakeBroker
from tests.faults.ledger import Ledger, Message, real_order
from tests.faults.lossy_store import LossyStore
from tests.faults.over_time import is_new_risk

FATES = ("ok", "refused", "not sent", "too fast", "lost before", "lost after", "late")
"""What may become of a message: `late` = taken, and seen in the list only much later."""

LATE_S = 100.0

SECRET = "planted-access-token"
"""What every session is handed, and must show nowhere."""


class OffClock:
    """The machine's clock, which may be wrong by some seconds; waiting and durations are not touched by that."""

    def __init__(self, real: ManualClock) -> None:
        self.real = real
        self.off_ns = 0

    def now_ns(self) -> int:
        return self.real.now_ns() + self.off_ns

    def monotonic_ns(self) -> int:
        return self.real.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await self.real.sleep(seconds)


class Line:
    """Updates between the exchange and whoever listens; they wait until the test lets them go."""

    def __init__(self) -> None:
        self.waiting: list[OrderUpdate] = []
        self.sent: list[OrderUpdate] = []

    def send(self, update: OrderUpdate) -> None:
        self.waiting.append(update)
        self.sent.append(update)


class SimulatedMarket:
    """The exchange, its ledger, and the faults that are to come."""

    def __init__(self) -> None:
        self.clock = ManualClock(OPEN_NS + 3_600_000_000_000)
        self.line = Line()
        self._file = LedgerFile(None, self.clock.now_ns())
        self._venue = BookVenue(self.clock)
        self.exchange = Exchange(self.clock, self._venue, ExchangeAccount(Tariff.load("zerodha"), to_units(1e7)), self._file, self.line)  # type: ignore[arg-type]
        self.hidden: dict[str, int] = {}
        """Until when an order is not in the list, by tag."""
        self.messages: list[Message] = []
        self.faults: list[str] = []
        self._foreign = 0

    def trade(self, instrument: Instrument, price: float, quantity: int) -> None:
        """Let somebody trade, and with it the orders that were passed."""
        self._venue.hear(instrument.key, to_units(price), quantity, None)

    def place_elsewhere(self, request: OrderRequest) -> None:
        """Place an order of which the terminal knows nothing."""
        self._foreign += 1
        self.exchange.place(Order(f"ELSEWHERE{self._foreign}", request))

    def end_day(self, now_ns: int) -> None:
        """Let the day's orders expire, and begin the next day with an empty list."""
        self.exchange.end_day(self.clock.now_ns() + 1)
        self.clock.set(now_ns)
        self.exchange.forget_before(now_ns)

    def listed(self) -> list[OrderUpdate]:
        """Return the day's orders, as far as the list shows them."""
        now_ns = self.clock.now_ns()
        return [update for update in self.exchange.snapshots() if self.hidden.get(update.tag, 0) <= now_ns]

    def working(self) -> list[ExchangeOrder]:
        """List the orders that may still fill."""
        return self.exchange.working()

    def ledger(self) -> Ledger:
        """Return the truth."""
        orders = [real_order(order) for order in self.exchange._orders.values()]
        net = {(p.instrument.key, p.product): p.quantity for p in self.exchange.account.positions() if p.quantity}
        return Ledger(orders, net, self.messages, faults=self.faults)

    def close(self) -> None:
        """Close book and ledger."""
        self._file.close()


class FaultyBroker(FakeBroker):
    """One session's way to the market."""

    def __init__(self, market: SimulatedMarket, store: LossyStore, clock: OffClock) -> None:
        super().__init__(is_live=True)
        self.market, self.store = market, store
        self.access = Secret(SECRET)
        self.clock: Any = clock
        self.fates: dict[str, str] = {}
        """What becomes of the next message of a kind (place, modify, cancel)."""
        self.hangs = ""
        """`before` or `after`: the next order is never answered, taken or not."""
        self.reads_fail = 0
        self.session: TradingSession | None = None
        self.is_gone = False

    def _message(self, kind: str, order: Order, change: OrderChange | None = None) -> str:
        """Note a message; returns its fate."""
        if self.is_gone:
            raise ConnectionLost("the process is dead")
        fate = self.fates.pop(kind, "ok")
        if fate != "not sent":
            is_new = kind != "cancel" and is_new_risk(order, change)
            self.market.messages.append(Message(self.market.clock.now_ns(), order.id, is_new, kind == "place"))
            self._judge(kind, order)
        if fate == "refused":
            raise OrderRejected("no margin")
        if fate == "too fast":
            raise RateLimited("too many requests")
        if fate == "not sent":
            raise ConnectionLost("no route")
        if fate == "lost before":
            raise OutcomeUnknown("no answer")
        return fate

    def _judge(self, kind: str, order: Order) -> None:
        if kind != "place":
            return
        if not (self.store.is_safe("INTENT", order.id) and self.store.is_safe("SENT", order.id)):
            self.market.faults.append(f"order {order.id} left before its lines were on the disk")
        session = self.session
        if session is not None and not order.request.is_exit and session.risk.state is not TradingState.ACTIVE:
            self.market.faults.append(f"entry {order.id} left while the account was {session.risk.state}")

    async def place(self, order: Order) -> str:
        hangs, self.hangs = self.hangs, ""
        if hangs == "before":
            await asyncio.get_running_loop().create_future()
        fate = self._message("place", order)
        await asyncio.sleep(0)
        number = self.market.exchange.place(order)
        if hangs == "after":
            await asyncio.get_running_loop().create_future()
        if fate == "late":
            self.market.hidden[order.id] = self.market.clock.now_ns() + round(LATE_S * 1e9)
            self.market.line.waiting = [update for update in self.market.line.waiting if update.tag != order.id]
        if fate in ("late", "lost after"):
            raise OutcomeUnknown("no answer")
        return number

    async def modify(self, order: Order, change: OrderChange) -> None:
        fate = self._message("modify", order, change)
        await asyncio.sleep(0)
        self.market.exchange.modify(order, change)
        if fate in ("late", "lost after"):
            raise OutcomeUnknown("no answer")

    async def cancel(self, order: Order) -> None:
        fate = self._message("cancel", order)
        await asyncio.sleep(0)
        self.market.exchange.cancel(order)
        if fate in ("late", "lost after"):
            raise OutcomeUnknown("no answer")

    async def orders(self) -> Sequence[OrderUpdate]:
        await asyncio.sleep(0)
        if self.is_gone or self.reads_fail > 0:
            self.reads_fail -= 1
            raise ConnectionLost("no answer")
        return self.market.listed()

    async def positions(self) -> Sequence[Position]:
        await asyncio.sleep(0)
        return self.market.exchange.account.positions()

"""One account at the exchange that speaks Kite: how its sessions begin, die and come to rest; on paper with the exchange's quotes alone.

What the exchange keeps is the truth; a session comes back on what was safe in its store.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from engine.brokers.paper import PaperBroker
from engine.brokers.zerodha.broker import ZerodhaBroker
from engine.core.errors import BrokerError, InvalidOrder
from engine.core.model import OrderRequest, Product, Side
from engine.kill_latch import KillLatch
from engine.session import TradingSession
from tests.engine.brokers.zerodha.live import make_broker
from tests.engine.brokers.zerodha.trading import CAPITAL, HastyClock
from tests.faults.invariants import Watch, books_agree, breaches, orders_agree
from tests.faults.ledger import Kill, Ledger, Message, Real, real_order
from tests.faults.lossy_store import LossyStore
from tests.faults.over_time import Secrets
from tests.faults.simulated_account import Sayings
from tests.kite_exchange.fixtures import OPTIONS
from tests.kite_exchange.process import RunningExchange

KEY = "NSE:INFY"
OVER = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})
TIGHT = {"messages_a_minute": 14.0, "messages_a_day": 60.0}
DAY_S = 86_400
JITTER_NS = 150_000_000
"""On their way to the exchange messages may come nearer to each other by so much."""


class OffClock(HastyClock):
    """The machine's clock, which somebody may set."""

    off_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.off_ns


class KiteAccount:
    """The account, its exchange, its store and its kill switch's file."""

    exchange: ClassVar[RunningExchange]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.exchange.reset(**OPTIONS)
        self.folder = tempfile.TemporaryDirectory(prefix="shikra-")
        self.log = Sayings()
        logging.getLogger("engine").addHandler(self.log)
        self.watch = Watch()
        self.store = LossyStore()
        self.limits: dict[str, float] = {}
        self.is_paper = False
        self.kills: list[Kill] = []
        self.starts_ns: list[int] = []
        self.blind_ns: list[int] = []
        self.was_set = False
        self.clock: OffClock
        self.broker: ZerodhaBroker
        self.paper: PaperBroker | None = None
        self.session: TradingSession

    def run(self, coroutine: Any) -> Any:
        """Let something happen, and wait a moment for what it stirs up."""
        return self.loop.run_until_complete(coroutine)

    def now_ns(self) -> int:
        """Return the exchange's time."""
        return int(self.exchange.control("now")["time_ns"])

    def _start(self) -> None:
        now_ns = self.now_ns()
        self.starts_ns.append(now_ns)
        if self.was_set:
            self.blind_ns.append(now_ns)
        self.clock, self.was_set = OffClock(self.exchange), False
        self.broker = make_broker(self.exchange, wall=self.clock, timeouts_s=(0.3, 0.3))
        file = Path(self.folder.name) / "paper.db"
        self.paper = PaperBroker(self.broker, file=file, wall=self.clock) if self.is_paper else None
        self.session = TradingSession(
            self.paper or self.broker,
            self.store,
            limits=self.limits,
            capital_units=CAPITAL,
            account="zerodha",
            clock=self.clock,
            wall=self.clock,
            mode="paper" if self.is_paper else "live",
            latch=self.latch_file,  # type: ignore[arg-type]
        )
        self.session.orders.alarm_raised.connect(self._on_alarm)
        tell = self.session.life.tell

        def told(text: str, level: str = "info") -> None:
            self.watch.told.append(text)
            tell(text, level)

        self.session.life.tell = self.session.life.books._tell = told  # type: ignore[method-assign, assignment]
        self.run(self.session.open())
        self.watch.forget_undone(self.session.orders.orders)
        token = self.broker.access.token
        self.watch.secrets = Secrets(self.exchange.api_secret, *([token.access.value] if token else []))

    @property
    def latch_file(self) -> Path:
        """The kill switch's file, which outlives every session."""
        return Path(self.folder.name) / "kill"

    def _on_alarm(self, text: str) -> None:
        self.watch.alarms.append(text)
        self.watch.told.append(text)

    def _fault(self, name: str, method: str) -> None:
        how, _, when = name.partition(" ")
        if how != "none":
            more = {"error": {"status": 503}, "html": {"status": 502}, "cut": {"at": 40}}.get(how, {})
            self.exchange.control("fault", how=how, method=method, path="/orders/*", when=when, **more)

    async def _settled(self, verb: Any) -> None:
        with contextlib.suppress(InvalidOrder):
            verb()
        await self.session.settle()
        await asyncio.sleep(0.02)
        self.exchange.control("clear_faults")

    async def _begin_to_place(self, wanted: OrderRequest) -> None:
        self.session.submit(wanted)
        await asyncio.sleep(0.003)

    async def _kill(self, is_here: bool, is_racing: bool, flatten: bool) -> None:
        if is_racing:
            self.session.submit(OrderRequest(self.broker._catalogue.get(KEY), Side.BUY, 2, reference_price=1500.0))
        if is_here:
            self.session.kill("something is wrong", flatten)
        else:
            KillLatch(self.latch_file).set("shikra kill", flatten=flatten, number=str(len(self.kills)))

    @property
    def is_killed(self) -> bool:
        """Tell whether the kill switch was pressed and not taken back."""
        return bool(self.kills) and self.kills[-1].until_ns is None

    def _die(self) -> None:
        self.store.is_gone = True
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.run(asyncio.gather(*tasks, return_exceptions=True))
        self.run((self.paper or self.broker).close())

    def _ledger(self) -> Ledger:
        said = self.exchange.control("ledger")
        if self.paper is not None:
            exchange = self.paper.exchange
            orders = [real_order(order) for order in exchange._orders.values()]
            net = {(p.instrument.key, p.product): p.quantity for p in exchange.account.positions() if p.quantity}
        else:
            orders = [
                Real(row["order_id"], row["tag"] or "", row["quantity"], row["filled"], row["status"] in OVER, row["filled"])
                for row in said["orders"]
            ]
            net = {
                (f"{row['exchange']}:{row['tradingsymbol']}", Product(row["product"])): row["net"]
                for row in said["positions"]
                if row["net"]
            }
        return Ledger(orders, net, self._messages(), self.kills, self.starts_ns, self.blind_ns, self.now_ns(), JITTER_NS)

    def _messages(self) -> list[Message]:
        """Return what came to the exchange's order endpoints; whose order a change or a cancel is for makes no difference."""
        calls = [one for path in ("/orders/", "/gtt/") for one in self.exchange.control("calls", path=path) if one["method"] != "GET"]
        return [Message(one["time_ns"], *self._meaning(one), one["method"] == "POST") for one in calls]

    def _meaning(self, call: dict[str, Any]) -> tuple[str, bool]:
        """Return whose order a call was for, and whether it risked something new."""
        number = call["path"].rsplit("/", 1)[-1]
        tag = call["form"].get("tag", "")
        found = [order for order in self.session.orders.orders if order.id == tag or order.broker_order_id == number]
        is_entry = bool(found) and not found[0].request.is_exit
        return (found[0].id if found else tag or number), is_entry and call["method"] in ("POST", "PUT")

    def breaches(self) -> list[str]:
        """Return what must not be so now."""
        secrets = self.watch.secrets
        for where, said in (("the log", self.log.said), ("what was told", self.watch.told), ("the database", self.store.rows)):
            secrets.look(where, said)
        secrets.look(
            "an address", [one["path"] + str(one.get("query")) for one in self.exchange.control("calls") if one["kind"] != "stream"]
        )
        return breaches(self.session, self._ledger(), self.store.journal(), self.watch)

    async def _rest(self) -> None:
        """Let all faults rest, and wait until the books agree; returns what never did."""
        for command in ("clear_faults", "release_updates"):
            self.exchange.control(command)
        self.exchange.control("updates", drop=0.0, duplicate=0.0, hold=0.0)
        self.clock.off_ns = 0
        async with asyncio.timeout(20):
            while found := await self._differing():
                self.watch.told.append(str(found))
                await asyncio.sleep(0.05)

    async def _differing(self) -> list[str]:
        try:
            await self.session.compare()
        except BrokerError as error:
            return [str(error)]
        ledger = self._ledger()
        return [*books_agree(self.session, ledger), *orders_agree(self.session, ledger)]

"""The same trader at the exchange that speaks Kite, over real sockets: every step really travels, and waits of minutes take moments.

What the exchange keeps is the truth; the session dies and comes back on what was safe in its store.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.brokers.zerodha.broker import ZerodhaBroker
from engine.brokers.zerodha.limiter import Limiters
from engine.core.errors import BrokerError, InvalidOrder
from engine.core.model import Order, OrderChange, OrderRequest, OrderType, Product, Side
from engine.session import TradingSession
from tests.engine.brokers.zerodha.live import make_broker
from tests.engine.brokers.zerodha.trading import CAPITAL, HastyClock
from tests.faults.invariants import Ledger, Real, Watch, books_agree, breaches, orders_agree
from tests.faults.lossy_store import LossyStore
from tests.kite_exchange.process import RunningExchange

OPTIONS = {"rate_limits": False, "now": "2026-11-23 10:00:00"}
KEY = "NSE:INFY"
OVER = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})
FAULTS = ("none", "none", "drop before", "drop after", "html after", "error before", "cut after")

faults = st.sampled_from(FAULTS)


class KiteMachine(RuleBasedStateMachine):
    """One account at the Kite exchange, over any number of sessions."""

    exchange: ClassVar[RunningExchange]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.exchange.reset(**OPTIONS)
        self.watch = Watch()
        self.store = LossyStore()
        self.broker: ZerodhaBroker
        self.session: TradingSession

    def run(self, coroutine: Any) -> Any:
        """Let something happen, and wait a moment for what it stirs up."""
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def begin(self) -> None:
        self._start()
        self.enter("BUY", 10, None, "none")
        self.enter("BUY", 10, 1490.0, "none")

    def _start(self) -> None:
        self.broker = make_broker(self.exchange, timeouts_s=(0.3, 0.3))
        clock = HastyClock(self.exchange)
        self.session = TradingSession(
            self.broker,
            self.store,
            limits={},
            capital_units=CAPITAL,
            account="zerodha",
            clock=clock,
            wall=clock,
            mode="live",  # type: ignore[arg-type]
        )
        self.session.orders.alarm_raised.connect(self._on_alarm)
        tell = self.session.life.tell

        def told(text: str, level: str = "info") -> None:
            self.watch.told.append(text)
            tell(text, level)

        self.session.life.tell = self.session.life.books._tell = told  # type: ignore[method-assign, assignment]
        self.run(self.session.open())
        self.watch.forget_undone(self.session.orders.orders)

    def _on_alarm(self, text: str) -> None:
        self.watch.alarms.append(text)
        self.watch.told.append(text)

    def _fault(self, name: str, method: str) -> None:
        how, _, when = name.partition(" ")
        if how != "none":
            more = {"error": {"status": 503}, "html": {"status": 502}, "cut": {"at": 40}}.get(how, {})
            self.exchange.control("fault", how=how, method=method, path="/orders/*", when=when, **more)

    @rule(
        side=st.sampled_from(["BUY", "SELL"]),
        quantity=st.integers(1, 20),
        price=st.none() | st.sampled_from([1490.0, 1510.0]),
        fault=faults,
    )
    def enter(self, side: str, quantity: int, price: float | None, fault: str) -> None:
        """Place an order."""
        self._fault(fault, "POST")
        instrument = self.broker._catalogue.get(KEY)
        order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        wanted = OrderRequest(instrument, Side[side], quantity, order_type, Product.MIS, price, reference_price=1500.0)
        self.run(self._settled(lambda: self.session.submit(wanted)))

    @rule(pick=st.integers(0, 9), price=st.sampled_from([1485.0, 1495.0, 1505.0]), fault=faults)
    def modify(self, pick: int, price: float, fault: str) -> None:
        """Change a resting order."""
        if (order := self._pick(pick)) is not None and order.request.order_type is OrderType.LIMIT:
            self._fault(fault, "PUT")
            self.run(self._settled(lambda: self.session.modify(order.id, OrderChange(price=price))))

    @rule(pick=st.integers(0, 9), fault=faults)
    def cancel(self, pick: int, fault: str) -> None:
        """Cancel a working order."""
        if (order := self._pick(pick)) is not None:
            self._fault(fault, "DELETE")
            self.run(self._settled(lambda: self.session.cancel(order.id)))

    def _pick(self, pick: int) -> Order | None:
        working = [order for order in self.session.orders.working() if order.request.owner == "hand"]
        return working[pick % len(working)] if working else None

    async def _settled(self, verb: Any) -> None:
        with contextlib.suppress(InvalidOrder):
            verb()
        await self.session.settle()
        await asyncio.sleep(0.02)
        self.exchange.control("clear_faults")

    @rule(price=st.sampled_from([1480.0, 1490.0, 1500.0, 1510.0, 1520.0]), quantity=st.integers(1, 30))
    def trade(self, price: float, quantity: int) -> None:
        """Let somebody offer or bid, and resting orders fill, in part or in full."""
        sell, buy = [[price, quantity, 1]], [[price - 1.0, quantity, 1]]
        self.exchange.control("set_depth", symbol=KEY, buy=buy, sell=sell)
        self.run(asyncio.sleep(0.02))

    @rule(drop=st.sampled_from([0.0, 0.5, 1.0]), duplicate=st.sampled_from([0.0, 1.0]), hold=st.sampled_from([0.0, 1.0]))
    def updates(self, drop: float, duplicate: float, hold: float) -> None:
        """Let messages be lost, doubled or held back from now on."""
        self.exchange.control("updates", drop=drop, duplicate=duplicate, hold=hold)

    @rule()
    def release(self) -> None:
        """Let go of what was held back, shuffled."""
        self.exchange.control("release_updates", shuffle=True)
        self.run(asyncio.sleep(0.02))

    @rule(side=st.sampled_from(["BUY", "SELL"]), quantity=st.integers(1, 9))
    def elsewhere(self, side: str, quantity: int) -> None:
        """Trade from the broker's own app."""
        form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": side, "quantity": quantity, "product": "MIS"}
        self.exchange.control("place_elsewhere", **form, order_type="LIMIT", price=1490.0 if side == "BUY" else 1510.0)

    @rule(abruptly=st.booleans())
    def reconnect(self, abruptly: bool) -> None:
        """Lose the feed; it comes back by itself."""
        self.exchange.control("close_sockets", abruptly=abruptly)
        self.run(asyncio.sleep(0.05))

    @rule(fault=faults, lucky=st.integers(0, 5))
    def crash(self, fault: str, lucky: int) -> None:
        """Die with an order on its way, and start again on what was safe."""
        self._fault(fault, "POST")
        instrument = self.broker._catalogue.get(KEY)
        self.run(self._begin_to_place(OrderRequest(instrument, Side.BUY, 3, reference_price=1500.0)))
        self._die()
        self.exchange.control("clear_faults")
        self.store = self.store.after_crash(lucky)
        self._start()

    async def _begin_to_place(self, wanted: OrderRequest) -> None:
        self.session.submit(wanted)
        await asyncio.sleep(0.003)

    def _die(self) -> None:
        self.store.is_gone = True
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.run(asyncio.gather(*tasks, return_exceptions=True))
        self.run(self.broker.close())

    def _ledger(self) -> Ledger:
        said = self.exchange.control("ledger")
        orders = [
            Real(row["order_id"], row["tag"] or "", row["quantity"], row["filled"], row["status"] in OVER, row["filled"])
            for row in said["orders"]
        ]
        net = {
            (f"{row['exchange']}:{row['tradingsymbol']}", Product(row["product"])): row["net"] for row in said["positions"] if row["net"]
        }
        return Ledger(orders, net)

    @precondition(lambda self: hasattr(self, "session"))
    @invariant()
    def nothing_is_broken(self) -> None:
        found = breaches(self.session, self._ledger(), self.store.journal(), self.watch)
        assert not found, "\n".join(found)

    async def _rest(self) -> None:
        """Let all faults rest, and wait until the books agree; returns what never did."""
        for command in ("clear_faults", "release_updates"):
            self.exchange.control(command)
        self.exchange.control("updates", drop=0.0, duplicate=0.0, hold=0.0)
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

    def teardown(self) -> None:
        try:
            if hasattr(self, "session"):
                try:
                    self.run(self._rest())
                except TimeoutError:
                    raise AssertionError("\n".join(self.run(self._differing()))) from None
                finally:
                    self._die()
        finally:
            self.loop.close()


def fresh_limiters(monkeypatch: Any) -> None:
    """Let the account's budget of calls begin anew with each run."""
    monkeypatch.setattr("engine.brokers.zerodha.broker._LIMITERS", Limiters())

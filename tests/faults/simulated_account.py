"""One account at the simulated exchange, over any number of sessions: how each begins, goes on by a clock moved by hand, and dies.

What is asked of it is told by the machine that plays it; on paper the same account has only the exchange's quotes.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from engine.brokers.paper import PaperBroker
from engine.core.errors import BrokerError
from engine.core.model import LinkState
from engine.core.records import TICK, Rows
from engine.kill_latch import KillLatch
from engine.session import TradingSession
from tests.engine.fakes import RELIANCE, SECOND_NS, TCS
from tests.faults.invariants import Watch, breaches, breaches_at_rest
from tests.faults.ledger import Kill, Ledger, real_order
from tests.faults.lossy_store import LossyStore
from tests.faults.over_time import MINUTE_NS, Secrets
from tests.faults.simulated_market import SECRET, FaultyBroker, OffClock, SimulatedMarket

DAY_NS = 86_400 * SECOND_NS
CAPITAL = 10_000_000 * 10_000
LIMITS = {"message_rate": 8.0, "max_position_size": 50.0, "messages_a_minute": 200.0, "messages_a_day": 3_000.0}
TIGHT = LIMITS | {"messages_a_minute": 14.0, "messages_a_day": 60.0}
"""Caps that a run of some steps comes up against."""

OWNERS = ("hand", "ema")
SHARES = {"RELIANCE": RELIANCE, "TCS": TCS}
MOST_TURNS = 12


class AtOnce(ThreadPoolExecutor):
    """Runs what belongs into a thread at once, so that the same steps always go the same way."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except OSError as error:
            done.set_exception(error)
        return done


class Sayings(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.getMessage()} {record.exc_info or ''}")


class SimulatedAccount:
    """The account, its exchange, its store and its kill switch's file."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(AtOnce(1))
        self.folder = tempfile.TemporaryDirectory(prefix="shikra-")
        self.market = SimulatedMarket()
        self.clock = OffClock(self.market.clock)
        self.watch = Watch(secrets=Secrets(SECRET))
        self.log = Sayings()
        logging.getLogger("engine").addHandler(self.log)
        self.store = LossyStore()
        self.last = dict.fromkeys(SHARES, 100.0)
        self.limits = LIMITS
        self.is_paper = False
        self.kills: list[Kill] = []
        self.starts_ns: list[int] = []
        self.blind_ns: list[int] = []
        self._was_set_ns = 0
        self.broker: FaultyBroker
        self.paper: PaperBroker | None = None
        self.session: TradingSession

    @property
    def latch_file(self) -> Path:
        """The kill switch's file, which outlives every session."""
        return Path(self.folder.name) / "kill"

    def run(self, coroutine: Any) -> Any:
        """Let something happen, and what it stirs up come to rest; nothing waits for time to pass."""
        result = self.loop.run_until_complete(coroutine)
        self.loop.run_until_complete(turns())
        return result

    def set_clock(self, seconds: int) -> None:
        """Let the machine's clock be so many seconds off."""
        if self.clock.off_ns != seconds * SECOND_NS:
            self._was_set_ns = self.market.clock.now_ns()
        self.clock.off_ns = seconds * SECOND_NS

    def start(self) -> None:
        """Start a terminal on what is in the store."""
        now_ns = self.market.clock.now_ns()
        self.starts_ns.append(now_ns)
        if now_ns - self._was_set_ns <= MINUTE_NS:
            self.blind_ns.append(now_ns)
        self.broker = FaultyBroker(self.market, self.store, self.clock)
        self.paper = PaperBroker(self.broker, file=self.latch_file.with_name("paper.db"), wall=self.clock) if self.is_paper else None
        self.session = TradingSession(
            self.paper or self.broker,
            self.store,
            limits=self.limits,
            capital_units=CAPITAL,
            clock=self.clock,
            wall=self.clock,
            mode="paper" if self.is_paper else "live",
            latch=self.latch_file,  # type: ignore[arg-type]
        )
        self.broker.session = self.session
        # Ids are drawn from a seed, too, so that the same steps are the same history.
        self.session.orders._random = Random(len(self.starts_ns)).randbytes(5 * 512)
        self.session.risk.arm("ema")
        self.session.orders.alarm_raised.connect(self._on_alarm)
        tell = self.session.life.tell

        def told(text: str, level: str = "info") -> None:
            self.watch.told.append(text)
            tell(text, level)

        self.session.life.tell = self.session.life.books._tell = self.session.exits.cover._tell = told  # type: ignore[method-assign, assignment]
        self.run(self._open())
        self.watch.forget_undone(self.session.orders.orders)
        self.quote()

    async def _open(self) -> None:
        await self.session.open()
        await self.session.subscribe(SHARES.values())

    def _on_alarm(self, text: str) -> None:
        self.watch.alarms.append(text)
        self.watch.told.append(text)

    def quote(self) -> None:
        """Tell the last prices."""
        frame = np.zeros(len(SHARES), dtype=TICK)
        for row, (name, instrument) in zip(frame, SHARES.items(), strict=True):
            row["instrument_token"], row["mode"], row["last_price"] = instrument.token, 1, self.last[name]
            row["exchange_time"] = self.market.clock.now_ns() // SECOND_NS

        self.run(self._tick(frame))

    async def _tick(self, frame: Rows) -> None:
        self.broker.sink.on_ticks(frame)

    async def hear(self, news: list[Any]) -> None:
        """Let updates arrive."""
        for update in news:
            self.broker.sink.on_order_update(update)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and whoever waits for it wake."""
        for _ in range(4):
            self.market.clock.advance(seconds / 4)
            await turns()

    async def lose_and_find_the_line(self) -> None:
        """Lose the line and find it again."""
        self.broker.sink.on_link(LinkState.DISCONNECTED, "the line broke")
        await turns()
        self.broker.sink.on_link(LinkState.LIVE, "")
        await turns()

    def die(self) -> None:
        """End the process here and now."""
        self.broker.is_gone = self.store.is_gone = True
        self.market.line.waiting.clear()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        if self.paper is not None:
            self.loop.run_until_complete(self.paper.close())
        # No process starts within the second in which another died: what was sent in that second is not remembered.
        self.market.clock.advance(1.0)

    def crash(self, lucky: int) -> None:
        """Die, and start again on what was safe, and `lucky` rows more."""
        self.die()
        self.store = self.store.after_crash(lucky)
        self.watch.chain.forget_undone(self.store.journal())
        self.start()

    def end_day(self) -> None:
        """End the day at the exchange, and begin the next one in the morning."""
        self.die()
        self.store = self.store.after_crash(10_000)
        now_ns = self.market.clock.now_ns()
        self.market.end_day(now_ns - now_ns % DAY_NS + DAY_NS + 4 * 3_600 * SECOND_NS)
        self.market.line.waiting.clear()
        self.start()

    def kill(self, flatten: bool) -> None:
        """Press the kill switch."""
        self._note_kill()
        self.run(_at_once(lambda: self.session.kill("something is wrong", flatten)))

    def kill_from_outside(self, flatten: bool) -> None:
        """Latch the kill switch in another process."""
        self._note_kill()
        KillLatch(self.latch_file).set("shikra kill", flatten=flatten, number=str(len(self.kills)))

    def _note_kill(self) -> None:
        if not self.is_killed:
            self.kills.append(Kill(self.market.clock.now_ns()))

    @property
    def is_killed(self) -> bool:
        """Tell whether the kill switch was pressed and not taken back."""
        return bool(self.kills) and self.kills[-1].until_ns is None

    def rearm(self) -> None:
        """Let a person take the kill switch back."""
        self.run(self.pass_time(1.0))
        self.kills[-1].until_ns = self.market.clock.now_ns()
        self.run(_at_once(lambda: self.session.rearm("looked through")))

    def ledger(self) -> Ledger:
        """Return the truth."""
        if self.paper is None:
            ledger = self.market.ledger()
        else:
            exchange = self.paper.exchange
            net = {(p.instrument.key, p.product): p.quantity for p in exchange.account.positions() if p.quantity}
            ledger = Ledger(
                [real_order(order) for order in exchange._orders.values()], net, self.market.messages, faults=self.market.faults
            )
        ledger.starts_ns, ledger.blind_ns, ledger.kills = self.starts_ns, self.blind_ns, self.kills
        ledger.now_ns = self.market.clock.now_ns()
        return ledger

    def breaches(self) -> list[str]:
        """Return what must not be so now."""
        secrets = self.watch.secrets
        secrets.look("the log", self.log.said)
        secrets.look("what was told", self.watch.told)
        secrets.look("the database", self.store.rows)
        return breaches(self.session, self.ledger(), self.store.journal(), self.watch)

    def breaches_at_rest(self) -> list[str]:
        """Return what must not be so once all was answered."""
        return breaches_at_rest(self.session, self.ledger(), self.watch)

    async def rest(self) -> None:
        """Let all faults rest, everything arrive, and every question be answered."""
        self.broker.fates.clear()
        self.broker.reads_fail = 0
        self.set_clock(0)
        for _ in range(24):
            news, self.market.line.waiting = self.market.line.waiting, []
            await self.hear(news)
            self.market.clock.advance(8.0)
            await turns()
        await self.lose_and_find_the_line()
        try:
            await self.session.compare()
        except BrokerError as error:
            raise AssertionError(f"the books cannot be compared: {error}") from error
        while True:
            await self.pass_time(8.0)
            news, self.market.line.waiting = self.market.line.waiting, []
            if not news:
                return
            await self.hear(news)

    def close(self) -> None:
        """Close everything."""
        logging.getLogger("engine").removeHandler(self.log)
        self.market.close()
        self.loop.close()
        self.folder.cleanup()


async def _at_once(verb: Callable[[], None]) -> None:
    verb()


async def turns(most: int = MOST_TURNS) -> None:
    """Give everything that can go on a few turns; none when nothing can."""
    loop: Any = asyncio.get_running_loop()
    for _ in range(most):
        await asyncio.sleep(0)
        if not loop._ready:
            return

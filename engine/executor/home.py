"""Where a strategy lives: in the session it was handed, or in one of its own, on the caller's loop or in a thread beside a script.

In paper mode a broker of real money is only listened to; orders go to a paper account that is kept in a file of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from engine.brokers.base import Broker, create_broker
from engine.calendar import Calendar
from engine.clock import SystemClock
from engine.core.errors import InvalidOption, TradingError
from engine.core.model import to_rupees
from engine.executor.config import StrategyConfig
from engine.folders import home_folder
from engine.loop_thread import LoopThread
from engine.safety.machine import watch_machine
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff
from engine.tasks import Tasks

log = logging.getLogger(__name__)

T = TypeVar("T")


class StrategyHome:
    """The session of one strategy, and the loop that it runs on."""

    def __init__(self, config: StrategyConfig, broker: Broker | None, mode: str, session: TradingSession | None) -> None:
        """With a session that one is used; without, one is made over the broker when it is first wanted."""
        if session is None and broker is None:
            raise InvalidOption("Expected a broker or a session, was neither; give create_broker(...) as broker.")
        self.session = session
        self._config = config
        self._broker = broker
        self._mode = mode
        self.is_shared = session is not None
        self._store: Store | None = None
        self._thread: LoopThread | None = None
        self._tasks = Tasks() if session is None else session.tasks

    def run(self, work: Callable[[], Coroutine[Any, Any, None]], name: str, *, is_service: bool = False) -> None:
        """Do work on the session's loop: to its end, raising what it raises, beside a script; in the background on a running loop."""
        if self._thread is not None and not self._thread.is_current:
            self._thread.wait_for(work())
        else:
            self._tasks.spawn(_told(work(), name), name, service=is_service)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the session's loop."""
        return function() if self._thread is None else self._thread.call(function)

    def move_in(self) -> None:
        """Take a thread when there is neither a session nor a running loop."""
        if not self.is_shared and self._thread is None and not _has_loop():
            self._thread = LoopThread(f"strategy {self._config.id}")

    def move_out(self) -> None:
        """Give the thread back; nothing runs any more."""
        thread = self._thread
        if thread is not None and not thread.is_current:
            self._thread = None
            thread.stop()

    @property
    def has_own_session(self) -> bool:
        """Tell whether a session of its own is open."""
        return self._store is not None

    async def open(self) -> TradingSession:
        """Return the session, made and opened on the running loop if need be; raises BrokerError or StoreFailed."""
        if self.session is not None and (self.is_shared or self.has_own_session):
            return self.session
        folder = home_folder()
        trading, account = self._account(folder)
        self._store = Store.open(folder / "shikra.db")
        self.session = TradingSession(
            trading,
            self._store,
            limits=self._config.limits,
            capital_units=self._config.capital_units,
            account=account,
            tariff=Tariff.load(),
            calendar=Calendar.load(),
            latch=folder / "kill.latch",
        )
        await self.session.open()
        if not self.session.is_replay:
            risk = self.session.risk
            watch_machine(self.session.tasks, folder, risk.reduce, risk.clear, lambda _, text: log.warning("%s", text))
        return self.session

    async def start_market(self) -> None:
        """Let the market of an own session run; that of a shared one is not ours to start."""
        if not self.is_shared and self.session is not None:
            await self.session.broker.start_market()

    async def close(self) -> None:
        """Close a session of our own, with its broker and database; what it came to can still be read."""
        store, self._store = self._store, None
        if store is not None and self.session is not None:
            try:
                await self.session.close()
            finally:
                store.close()
        if not self.is_shared:
            await self._tasks.close()

    def _account(self, folder: Path) -> tuple[Broker, str]:
        """Return the broker to trade with and the name under which the store keeps the account."""
        assert self._broker is not None
        broker, owner = self._broker, self._config.id
        if not broker.capabilities.is_live:
            # Its ledger is its own affair, and may begin anew with every run: so does our account of it.
            return broker, f"{broker.name}-{owner}-{SystemClock().now_ns()}"
        if self._mode == "live":
            return broker, broker.name
        capital = float(to_rupees(self._config.capital_units))
        return create_broker("paper", broker, capital=capital, file=folder / f"paper-{owner}.db"), f"paper-{owner}"


async def _told(work: Coroutine[Any, Any, None], name: str) -> None:
    """Let work in the background fail by a mistake of the user's without more noise: it was told already."""
    try:
        await work
    except TradingError as error:
        log.info("%s: %s", name, error)


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

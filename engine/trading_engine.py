"""Every verb of the terminal: submit, modify, cancel, flatten, kill, start, pause, stop; and all that has to be there for them.

Opens and owns database, history, calendar, instruments, the session and the strategies; what it knows is told through the view. It
lives on the loop that opened it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt

from engine.alerts.alert_engine import AlertEngine
from engine.calendar import Calendar
from engine.charging import charges_of
from engine.clock import Clock, SystemClock, ist
from engine.compiling import compile_for_trading
from engine.core.errors import UserError
from engine.core.facts import PROTECTIVE
from engine.core.model import HAND, Instrument, Order, OrderChange, OrderRequest, Position, to_units
from engine.core.records import Rows
from engine.core.registry import TEMPLATES
from engine.engine_market import make_catalogue, make_market
from engine.engine_settings import EngineSettings
from engine.executor.shelf import StrategyShelf
from engine.executor.verbs import StrategyVerbs
from engine.history import History
from engine.instruments import Instruments
from engine.kept_limits import KeptLimits
from engine.margin_watch import fit_limits, watch_margin
from engine.owners import Owners
from engine.past_bars import past_bars
from engine.restricted import Restricted
from engine.safety.machine import watch_machine
from engine.safety.safekeeping import Safekeeping
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff
from engine.tasks import Tasks
from engine.view import EngineView

log = logging.getLogger(__name__)

RESTRICTED = "restricted.csv"
"""The trader's list, in the folder of data, of what is not to be traded."""


class TradingEngine(QObject, StrategyVerbs):
    """The engine behind a window, a console or a test."""

    def __init__(
        self, settings: EngineSettings, view: EngineView | None = None, *, wall: Clock | None = None, parent: QObject | None = None
    ) -> None:
        """Nothing is opened before `open`."""
        super().__init__(parent)
        self.settings = settings
        self.view = view if view is not None else EngineView()
        self._wall = wall if wall is not None else SystemClock()
        self._tasks = Tasks()
        self._stop_compiling = threading.Event()
        self._store: Store | None = None
        self._session: TradingSession | None = None
        self._shelf: StrategyShelf | None = None
        self._kept_limits = KeptLimits()
        self.keeping = Safekeeping(settings.data_dir, settings.store_location, self._wall, settings.why_safe)

    async def open(self) -> None:
        """Open everything, bring the strategies of before back, standing still, and let the market run.

        Raises UserError or DataError when a file or the account cannot be used, StoreFailed when the database cannot, BrokerError when
        the broker cannot be reached; then everything is closed again.
        """
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        settings, view = self.settings, self.view
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.calendar, known = await asyncio.to_thread(lambda: (Calendar.load(), Instruments.load_bundled()))
        keeping = self.keeping
        self._store = await asyncio.to_thread(keeping.open)
        market = await asyncio.to_thread(make_market, settings, self.calendar, known, self._wall)
        await asyncio.to_thread(keeping.claim, market.account)
        self.history = History(settings.data_dir / "history")
        capital_units, tariff = to_units(settings.capital), Tariff.load(settings.charges)
        self._session = session = TradingSession(
            market.broker,
            self._store,
            view,
            limits=self._limits(capital_units),
            capital_units=capital_units,
            account=market.account,
            tariff=tariff,
            calendar=self.calendar,
            wall=self._wall,
            latch=settings.data_dir / "kill.latch",
            square_off_early_min=0.0 if settings.replay is not None else settings.square_off_early_min,
            parent=self,
        )
        self._session.risk.limits_changed.connect(self._keep_limits, Qt.ConnectionType.DirectConnection)
        self._prepare_view(session, tariff)
        session.desk.lists = await asyncio.to_thread(Restricted.load, settings.data_dir / RESTRICTED)
        self.alerts = AlertEngine(session, view, self)
        self.owners = Owners(session, view, self)
        keeping.tell(session.risk.halt, view.notify)
        await self._session.open()
        self.owners.show()
        await self._settle_limits(session, capital_units)
        self.instruments = await asyncio.to_thread(make_catalogue, await market.broker.instruments())
        view.set_catalogue(self.instruments)
        session.desk.catalogue = self.instruments
        self._shelf = StrategyShelf(self._session, view, self.instruments, self)
        session.killed.connect(lambda reason: self.strategies.halt(), Qt.ConnectionType.DirectConnection)
        await self._shelf.open(self._store.strategies())
        await self.alerts.open(self.bars_of)
        self._tasks.spawn(asyncio.to_thread(compile_for_trading, self._stop_compiling), "compile")
        self._tasks.spawn(self._every_second(), "clock", service=True)
        if session.mode == "live":
            session.tasks.spawn(watch_margin(session, self._wall), "margin", service=True)
        if not session.is_replay:
            watch_machine(session.tasks, settings.data_dir, session.risk.reduce, session.risk.clear, view.notify)
            keeping.watch(session.tasks, session.life.run_id, session.risk.halt, session.risk.clear)
        self._tasks.spawn(asyncio.to_thread(keeping.copy_once_a_day), "backup")
        await market.broker.start_market()
        log.info("engine open: %s on %s, %d instruments", self._session.mode, market.broker.name, len(self.instruments))

    async def _settle_limits(self, session: TradingSession, capital_units: int) -> None:
        """Tell what this version has changed about limits of the trader's own; others go by what the account really has."""
        if self._kept_limits.change:
            session.risk.limits_changed.emit(self._kept_limits.change)
            session.life.tell(self._kept_limits.said, "warning")
        if session.mode == "live" and self.settings.limits is None and not self._kept_limits.are_own:
            await fit_limits(session, self.view, capital_units)

    def _prepare_view(self, session: TradingSession, tariff: Tariff) -> None:
        """Tell the view what stands before anything is read or sent."""
        view = self.view
        view.mode, view.broker_name, view.doubt_of = session.mode, session.broker.name, session.doubt_of
        view.templates = tuple(template for _, template in TEMPLATES.items())
        view.charges_of = lambda request: charges_of(request, tariff.rates, ist(session.clock.now_ns()).date())

    def _limits(self, capital_units: int) -> Mapping[str, float]:
        """Return the limits as given, else as they were last set, else the usual ones."""
        if self.settings.limits is not None or self._store is None:
            return self.settings.limits or {}
        return self._kept_limits.read(self._store.settings(), capital_units)

    async def close(self) -> None:
        """Stop the strategies, close broker, session and database; orders that rest at the broker and positions stay as they are."""
        self._stop_compiling.set()
        if self._shelf is not None:
            self._shelf.halt()
        await self._tasks.close()
        session, self._session, self._store, self._shelf = self._session, None, None, None
        try:
            if session is not None:
                await session.close()
        finally:
            await asyncio.to_thread(self.keeping.close)

    async def wait_until_done(self) -> None:
        """Return when a replayed market has come to its end; another never does."""
        await self.session.broker.wait_until_done()

    @property
    def session(self) -> TradingSession:
        """The account's session; raises UserError before `open` and after `close`."""
        if self._session is None:
            raise UserError("The engine is not open; open it first.")
        return self._session

    @property
    def strategies(self) -> StrategyShelf:
        """The strategies; raises UserError before `open` and after `close`."""
        if self._shelf is None:
            raise UserError("The engine is not open; open it first.")
        return self._shelf

    # Orders

    def submit(self, request: OrderRequest) -> Order:
        """Send the trader's order; returns it as INTENT, or DENIED with the reason."""
        return self.session.submit(request)

    def modify(self, order_id: str, change: OrderChange) -> Order:
        """Ask for a change of a working order; raises InvalidOrder when it cannot be changed."""
        return self.session.modify(order_id, change)

    def cancel(self, order_id: str) -> Order:
        """Ask for the cancel of an order; raises InvalidOrder when it has ended."""
        return self.session.cancel(order_id)

    def cancel_all(self, owner: str | None = None, key: str | None = None) -> list[Order]:
        """Ask for the cancel of all working orders, or those of one owner or instrument; returns them."""
        return self.session.cancel_all(owner, key)

    def close_position(self, position: Position) -> list[Order]:
        """Close one position at the market: a net one (owner "") for all who hold a part of it; returns the exits that left at once."""
        return self.session.flatten(position.owner or None, position.instrument.key, position.product)

    def flatten(self, owner: str | None = None) -> list[Order]:
        """Cancel everything and close every position, of one owner or of all; returns the exits that left at once."""
        for order in self.session.orders.working(owner):
            if order.request.purpose not in PROTECTIVE:  # protection goes by itself once nothing is held
                self.session.cancel(order.id)
        return self.session.flatten(owner)

    def protect(self, position: Position) -> None:
        """Place anew what a position lacks of its protection; raises UserError where none was planned, or nothing may be sent."""
        session = self.session
        held = [book for book in session.positions.open_books(position.owner or None) if book.instrument.key == position.instrument.key]
        if session.guard.is_off():
            raise UserError(f"Expected an account that trades, was {session.risk.state}: {session.risk.reason}; resume first, or close it.")
        if not [book for book in held if book.product is position.product and session.guard.protect_again(book)]:
            raise UserError(f"Expected a position that had a stop or a target, was {position.instrument.symbol} without; give it one.")

    # The account

    def kill(self, reason: str, flatten: bool = False) -> None:
        """Stop all strategies, cancel everything and send nothing more until `rearm`; positions are closed only if asked."""
        self.session.kill(reason, flatten)  # which stops the strategies, too: the latch comes first

    def rearm(self, reason: str) -> None:
        """Let trading go on after a kill or a halt; strategies stand still until they are started."""
        self.session.rearm(reason)

    def halt(self, reason: str) -> None:
        """Let only cancels and the trader's own exits pass."""
        self.session.risk.halt(reason)

    def set_limits(self, limits: Mapping[str, float], *, confirmed: bool = False) -> None:
        """Change the account's limits: tighter ones hold at once, looser ones in 15 minutes or with the next day, also after a restart.

        Raises InvalidOption for an unknown one, and UserError, after tightening, when looser ones are not `confirmed`.
        """
        self._kept_limits.are_own = True
        try:
            self.session.risk.change_limits(limits, confirmed=confirmed)
        finally:
            self.session.life.publish()

    def let_trade(self, owner: str, reason: str, by: str = HAND) -> None:
        """Let a strategy, or the hand, trade again that its own limits stopped; `by` says it, which is kept.

        Raises UserError without a reason, or when nothing did.
        """
        said = " ".join(reason.split())
        if not said:
            raise UserError(f"Expected the reason why {owner} may trade again, was none; type what was found and mended.")
        if not self.session.risk.let_trade(owner, said):
            raise UserError(f"Expected somebody whom limits have stopped, was {owner!r}; see the risk panel.")
        self.session.orders.note("LET_TRADE", owner=owner, reason=said, by=by)
        self.session.life.publish()

    def _keep_limits(self, change: Mapping[str, Any]) -> None:
        """Keep limits that the trader has set; those that go by the capital are reckoned at every start."""
        if self._kept_limits.are_own:
            self.session.life.keep(*self._kept_limits.rows(change["limits"]))

    # Market data

    async def watch(self, keys: Iterable[str]) -> None:
        """Follow instruments; raises UnknownSymbol with the nearest one."""
        await self.session.subscribe([self.instruments.get(key) for key in keys])

    async def unwatch(self, keys: Iterable[str]) -> None:
        """Follow instruments no more, unless a strategy trades or somebody holds them."""
        needed = {key for executor in self.strategies for key in executor.config.keys}
        needed |= self.alerts.keys
        needed |= {key for key, _ in self.session.positions.held_keys()} | {o.instrument.key for o in self.session.orders.working()}
        unneeded = [instrument for key in keys if (instrument := self.instruments.get(key)).key not in needed]
        self.session.market_data.unsubscribe(unneeded)
        await self.session.broker.unsubscribe(unneeded)

    async def load_history(self, key: str, interval_s: int) -> None:
        """Hand the view the bars of the last days of an instrument, watched from now on; none is an empty answer."""
        instrument = self.instruments.get(key)
        (slot,) = await self.session.subscribe([instrument])
        rows = await self.bars_of(instrument, interval_s)
        rows["instrument"] = slot
        self.view.on_history(instrument.key, interval_s, rows)

    async def bars_of(self, instrument: Instrument, interval_s: int) -> Rows:
        """Return the closed bars of the last days of an instrument, oldest first (BAR rows); empty when nobody has any."""
        return await past_bars(self.session, self.history, instrument, interval_s)

    async def _every_second(self) -> None:
        """Tell the market's phase, and what the strategies have come to."""
        while True:
            now_ns = self.session.clock.now_ns()
            self.view.on_phase(self.calendar.phase(None, now_ns), self.calendar.phase_text(None, now_ns))
            self.strategies.refresh()
            await self._wall.sleep(1.0)

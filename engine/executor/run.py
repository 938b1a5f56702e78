"""One strategy from its start to its end, on the session's loop: closed bars in, orders out, and stopped when it goes wrong.

A mistake of a strategy stops that strategy alone: its entries are taken back, its protection stays, and what is left is told.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, SignalInstance

from engine.authored.signals import SignalCallback
from engine.core.errors import TradingError, UserError
from engine.core.model import Fill, Order, OrderStatus, StrategyState, StrategyStatus
from engine.core.records import Row, Rows
from engine.executor.approval import Approval
from engine.executor.config import StrategyConfig
from engine.executor.decider import Decider
from engine.executor.home import StrategyHome
from engine.executor.leg import Leg, Seen, Wish
from engine.executor.orders import StrategyOrders
from engine.executor.setup import bars_of, set_up
from engine.executor.summary import Tally, status_of
from engine.executor.watch import Watch
from engine.host.limits import LIMITS, Limits
from engine.instruments import Instruments
from engine.session import TradingSession

log = logging.getLogger(__name__)

S = StrategyState
PATIENCE_S = 10.0
"""So long an emergency stop waits for its exits to fill before it says so."""


class StrategyRun(QObject):
    """One strategy, running or not."""

    status_changed = Signal(object)
    """StrategyStatus."""
    faulted = Signal(str)
    """It was stopped by a mistake of its own; the sentence says which, and what is left working."""
    warned = Signal(str)
    """It goes on, but somebody should look at it."""

    limits: Limits = LIMITS
    """What its code may take."""

    def __init__(self, approval: Approval, mode: str, home: StrategyHome, instruments: Instruments | None, parent: QObject | None) -> None:
        """`approval` knows the strategy and which text of its file was armed; `home` is where it lives."""
        super().__init__(parent)
        self.config: StrategyConfig = approval.config
        self.approval = approval
        self.mode = mode
        self.state = S.IDLE
        self.tally = Tally()
        self._home = home
        self._instruments = instruments
        self._legs: dict[int, Leg] = {}
        self._is_mine = np.zeros(1, dtype=bool)
        self._orders: StrategyOrders | None = None
        self._decider: Decider | None = None
        self._callback: SignalCallback | None = None
        self._heard: list[tuple[SignalInstance, Callable[..., None]]] = []
        self._flat = asyncio.Event()

    @property
    def session(self) -> TradingSession | None:
        """The session it trades in; None before one of its own was made."""
        return self._home.session

    def status(self) -> StrategyStatus:
        """Return the record of this moment; on the session's loop."""
        session, owner = self._home.session, self.config.id
        if session is None:
            return status_of(self.config, self.mode, self.state, self.tally)
        account, held = session.positions.account(owner), len(session.positions.open_books(owner))
        return status_of(self.config, self.mode, self.state, self.tally, account, held)

    async def begin(self) -> None:
        """Start, and return once it runs; raises what stands against it."""
        self._enter(S.STARTING)
        self.tally.last_error = ""
        try:
            if self._decider is not None:
                await self._decider.ended()
            if self.config.code is not None:
                self.config, said = await asyncio.to_thread(self.approval.config_for, self.mode)
                if said:
                    self._warn(said)
            session = await self._home.open()
            self._decider = decider = self._decider_of(session)
            kept = decider.notes.read()
            legs = await set_up(session, self.config, self._instruments, kept, self.limits, is_learning=self._callback is None)
            decider.begin(legs)
            if self.state is not S.STARTING:  # stopped meanwhile, by hand or by the kill switch
                decider.kill()
                return
            self._legs = {leg.slot: leg for leg in legs}
            self._is_mine = np.isin(np.arange(max(self._legs) + 2), list(self._legs))
            self._orders = StrategyOrders(session, self.config)
            self._listen(session)
            self.tally.started_ns = session.clock.now_ns()
            self._enter(S.RUNNING)
            await self._home.start_market()
        except Exception as error:
            self._fault(error)
            await self._home.close()
            raise

    async def end(self) -> None:
        """Stop, and return once a session of its own is closed."""
        self._release()
        await self._home.close()

    def on_bars(self, interval_s: int, rows: Rows) -> None:
        """Decide on the closed bars of this strategy's interval and symbols."""
        if interval_s != self.config.interval_s:
            return
        if len(rows):
            self._look_at_code(rows)
        slots = rows["instrument"]
        for index in self._is_mine.take(slots, mode="clip").nonzero()[0].tolist():
            if self.state is S.RUNNING or self.state is S.PAUSED:
                self.on_bar(self._legs[slots.item(index)], rows[index])

    def on_bar(self, leg: Leg, bar: Row) -> None:
        """Let the strategy decide on one closed bar; whatever goes wrong in it stops this strategy only."""
        seen = Seen._make(bar.item())
        if seen.time_ns <= leg.decided_ns:
            return
        try:
            self._decide(leg, bar, seen)
        except Exception as error:  # noqa: BLE001  # a strategy's code may raise anything; it must not stop the others
            self._fault(error)

    def on_order(self, order: Order) -> None:
        """Count this strategy's orders, and go on with a decision that waited for a cancel."""
        if order.request.owner != self.config.id:
            return
        if order.status is OrderStatus.INTENT:
            self.tally.orders += 1
        elif order.status in (OrderStatus.DENIED, OrderStatus.REJECTED):
            self.tally.last_error = f"{order.instrument.symbol}: {order.message}"
        if order.status.is_terminal and self._orders is not None and self.state in (S.RUNNING, S.PAUSED):
            try:
                self._orders.on_order(order)
            except Exception as error:  # noqa: BLE001  # sizing of a strategy's wish may fail as in on_bar
                self._fault(error)

    def on_fill(self, fill: Fill) -> None:
        """Count this strategy's fills; an emergency stop ends once nothing is held any more."""
        if fill.owner == self.config.id:
            self.tally.fills += 1
            self._tell()
            if self._decider is not None:
                self._decider.on_fill(fill)
            if self.state is S.STOPPING:
                self._end_if_flat()

    def _decide(self, leg: Leg, bar: Row, seen: Seen) -> None:
        (session, orders), decider = self._running(), self._decider
        assert decider is not None
        broker = session.broker
        is_past = broker.is_warming_up or (session.clock.now_ns() <= broker.resumed_until_ns and orders.was_acted_on(leg))
        if self._callback is None:
            decider.ask(leg, bar, seen, is_past=is_past)
        elif not is_past:
            decider.ask_function(leg, self._callback, bar, seen, session.board.quote(leg.slot), orders.held(leg))

    def _act(self, leg: Leg, wish: Wish, seen: Seen) -> None:
        """Do what the strategy wants, unless it has been stopped meanwhile."""
        if self.state not in (S.RUNNING, S.PAUSED):
            return
        try:
            if not math.isnan(wish.target):
                self.tally.signals += 1
                self.tally.last_signal = leg.instrument.symbol, wish.target, seen.close
            self._running()[1].act(leg, wish, seen, may_open=self.state is S.RUNNING)
        except Exception as error:  # noqa: BLE001  # sizing of a strategy's wish may fail in a later turn of the loop, too
            self._fault(error)

    def _decider_of(self, session: TradingSession) -> Decider:
        watch = Watch(self.config.name, session.wall, self.limits)
        watch.warn, watch.pause = self._warn, self._pause_for
        made = Decider(session, self.config, watch)
        made.act, made.fault = self._act, self._fault
        return made

    def _look_at_code(self, rows: Rows) -> None:
        """Open nothing more when a new day begins on real money and the file of the strategy is not the one that was armed."""
        if self.mode == "live" and self.state is S.RUNNING and (said := self.approval.changed_by(int(rows["time_ns"][0]))):
            self._pause_for(said)

    def _warn(self, text: str) -> None:
        log.warning("%s", text)
        self.warned.emit(text)

    def _pause_for(self, text: str) -> None:
        """Pause for a reason that the trader is told."""
        self.tally.last_error = text
        if self.state is S.RUNNING:
            self._pause()
        self._warn(text)

    def _pause(self) -> None:
        self._require("that runs", S.RUNNING)
        self._running()[1].cancel_entries()
        self._enter(S.PAUSED)

    def _resume(self) -> None:
        self._require("that is paused", S.PAUSED)
        if self.mode == "live":
            self.approval.require()
        self._enter(S.RUNNING)

    def _close_everything(self) -> None:
        """Cancel and close; a strategy that never ran has nothing."""
        if self._orders is None:
            self._enter(S.STOPPED)
            return
        self._flat.clear()
        self._enter(S.STOPPING)
        self._orders.cancel_wishes()
        self._orders.flatten()
        self._end_if_flat()

    def _end_if_flat(self) -> None:
        if not self._running()[1].open_positions():
            self._release()

    async def _until_flat(self) -> None:
        """Wait for the exits of an emergency stop; say so when they take long."""
        try:
            await asyncio.wait_for(self._flat.wait(), PATIENCE_S)
        except TimeoutError:
            self.tally.last_error = f"Not closed after {PATIENCE_S:.0f} s; the exit is still working."
            self._tell()

    def _release(self) -> None:
        """Stop deciding: nobody is listened to any more, and no wish of the strategy's is left working."""
        if self._orders is not None:
            self._orders.cancel_wishes()
        if self._decider is not None:
            self._decider.end()
        self._listen(None)
        self._flat.set()
        self._enter(S.STOPPED)

    def _listen(self, session: TradingSession | None) -> None:
        """Listen to a session, or to none any more."""
        for signal, slot in self._heard:
            signal.disconnect(slot)
        self._heard = [] if session is None else self._circuit(session)
        for signal, slot in self._heard:
            signal.connect(slot, Qt.ConnectionType.DirectConnection)

    def _circuit(self, session: TradingSession) -> list[tuple[SignalInstance, Callable[..., None]]]:
        return [
            (bars_of(session, self._legs.values()), self.on_bars),
            (session.orders.order_changed, self.on_order),
            (session.orders.order_filled, self.on_fill),
        ]

    def _running(self) -> tuple[TradingSession, StrategyOrders]:
        session, orders = self._home.session, self._orders
        if session is None or orders is None:
            raise UserError("Expected a strategy that was started, was not; start it first.")
        return session, orders

    def _fault(self, error: Exception) -> None:
        """Stop this strategy, keep its protection, and tell."""
        is_plain = isinstance(error, TradingError)
        self.tally.last_error = str(error) if is_plain else f"{type(error).__name__}: {error}"
        log.error("strategy %s stopped: %s", self.config.id, self.tally.last_error, exc_info=None if is_plain else error)
        left = ""
        if self._decider is not None:
            self._decider.kill()
        if self._orders is not None:
            self._orders.cancel_entries()
            left = self._orders.told()
        self._enter(S.FAULTED)
        self.faulted.emit(f"{self.config.name} was stopped: {self.tally.last_error}{left}")

    def _require(self, what: str, *states: StrategyState) -> None:
        if self.state not in states:
            raise UserError(f"Expected a strategy {what}, was {self.state}: {self.config.name}.")

    def _enter(self, state: StrategyState) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        self.status_changed.emit(self.status())

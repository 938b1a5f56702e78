"""Runs one strategy: feeds it closed bars, turns its wishes into orders, and stops it when it goes wrong.

Works in a plain script (it then makes its own session, in a thread of its own when no loop is running), and in the terminal, where
every strategy is handed the shared session and so meets the same risk manager. A mistake of a strategy stops that strategy alone.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, SignalInstance

from engine.brokers.base import Broker
from engine.core.errors import InvalidOption, TradingError, UserError
from engine.core.model import Fill, Order, OrderStatus, StrategyState, StrategyStatus
from engine.core.records import Row, Rows
from engine.instruments import Instruments
from engine.session import TradingSession
from engine.strategy_config import StrategyConfig, check_mode, parse_strategy
from engine.strategy_home import StrategyHome
from engine.strategy_leg import Leg, Seen
from engine.strategy_orders import StrategyOrders
from engine.strategy_setup import bars_of, set_up
from engine.strategy_signals import SignalCallback
from engine.strategy_summary import Tally, status_of, summary_of

log = logging.getLogger(__name__)

S = StrategyState
PATIENCE_S = 10.0
"""So long an emergency stop waits for its exits to fill before it says so."""


class StrategyExecutor(QObject):
    """One strategy, running or not."""

    status_changed = Signal(object)
    """StrategyStatus."""
    faulted = Signal(str)
    """It was stopped by a mistake of its own; the sentence says which."""

    def __init__(
        self,
        broker: Broker | None = None,
        strategy_config: Mapping[str, object] | None = None,
        risk_config: Mapping[str, object] | None = None,
        mode: str = "paper",
        *,
        session: TradingSession | None = None,
        strategy_id: str | None = None,
        instruments: Instruments | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Parse the dicts; nothing runs before `start`. Raises UserError for whatever is unknown or out of range.

        `session`: trade in this one, on its loop; without it one is made over `broker`, in this mode. `instruments`: known already.
        """
        super().__init__(parent)
        self.config: StrategyConfig = parse_strategy(strategy_config or {}, risk_config, strategy_id)
        self.mode = check_mode(mode) if session is None else session.mode
        self.state = S.IDLE
        self.tally = Tally()
        self._home = StrategyHome(self.config, broker, self.mode, session)
        self._instruments = instruments
        self._legs: dict[int, Leg] = {}
        self._is_mine = np.zeros(1, dtype=bool)
        self._orders: StrategyOrders | None = None
        self._callback: SignalCallback | None = None
        self._heard: list[tuple[SignalInstance, Callable[..., None]]] = []
        self._flat = asyncio.Event()

    def start(self) -> None:
        """Start deciding on closed bars: in the background on a running loop; in a plain script this returns, or raises, once it runs."""
        self._require("that stands still", S.IDLE, S.STOPPED, S.FAULTED)
        self._home.move_in()
        try:
            self._home.run(self.begin, f"start {self.config.id}")
        except BaseException:
            self._home.move_out()
            raise

    def pause(self) -> None:
        """Open nothing more; exits, stops and targets go on working."""
        self._home.call(self._pause)

    def resume(self) -> None:
        """Open positions again."""
        self._home.call(self._resume)

    def stop(self) -> None:
        """Stop deciding and take back what has not filled; a position stays, and so does its protection."""
        self._home.call(self._release)
        if self._home.has_own_session:
            self._home.run(self._home.close, f"stop {self.config.id}", is_service=True)
        self._home.move_out()

    def emergency_stop(self) -> None:
        """Stop at once, cancel this strategy's orders and close its position at the market.

        In a plain script this returns when it is flat, or after some seconds; on a running loop it returns at once.
        """
        self._home.call(self._close_everything)
        if self.state is S.STOPPING:
            self._home.run(self._until_flat, f"emergency stop {self.config.id}", is_service=True)

    def get_summary(self) -> dict[str, Any]:
        """Return name, state, counts and results in rupees (`drawdown` in percent)."""
        return summary_of(self._home.call(self.status))

    def set_signal_callback(self, callback: SignalCallback | None) -> None:
        """Let a function decide instead of the template: fn(symbol, exchange, quote, has_position) at each closed bar.

        It returns {"action": BUY, SELL, EXIT or HOLD} and if wanted "price" (a limit), "stop_loss" and "target", or None. BUY and SELL
        open from flat and close what is against them. It runs in this process, on the session's loop, and must return quickly.
        """
        if callback is not None and not callable(callback):
            raise InvalidOption(f"Expected a function, was {type(callback).__name__}; give fn(symbol, exchange, quote, has_position).")
        self._home.call(lambda: setattr(self, "_callback", callback))

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
            session = await self._home.open()
            legs = await set_up(session, self.config, self._instruments, is_learning=self._callback is None)
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
            if self.state is S.STOPPING:
                self._end_if_flat()

    def _decide(self, leg: Leg, bar: Row, seen: Seen) -> None:
        session, orders = self._running()
        broker = session.broker
        is_known = session.clock.now_ns() <= broker.resumed_until_ns and orders.was_acted_on(leg)
        if broker.is_warming_up or is_known:
            if self._callback is None:
                leg.learn(bar)
            return
        if self._callback is not None:
            wish = leg.decide_by(self._callback, bar, session.board.quote(leg.slot), orders.held(leg))
        else:
            wish = leg.decide(bar)
        if not math.isnan(wish.target):
            self.tally.signals += 1
            self.tally.last_signal = leg.instrument.symbol, wish.target, seen.close
        orders.act(leg, wish, seen, may_open=self.state is S.RUNNING)

    def _pause(self) -> None:
        self._require("that runs", S.RUNNING)
        self._running()[1].cancel_entries()
        self._enter(S.PAUSED)

    def _resume(self) -> None:
        self._require("that is paused", S.PAUSED)
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
        if self._orders is not None:
            self._orders.cancel_entries()
        self._enter(S.FAULTED)
        self.faulted.emit(f"{self.config.name} was stopped: {self.tally.last_error}")

    def _require(self, what: str, *states: StrategyState) -> None:
        if self.state not in states:
            raise UserError(f"Expected a strategy {what}, was {self.state}: {self.config.name}.")

    def _enter(self, state: StrategyState) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        self.status_changed.emit(self.status())

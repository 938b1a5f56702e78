"""Stops the account, or one owner in it, when it did too much or lost too much; and lets limits change in their time.

What is stopped stays stopped until what caused it is over: by itself, with the day, or by a person. Orders are judged in `RiskManager`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.clock import Clock
from engine.core.model import EXTERNAL, HAND, Instrument, Order, Trade, TradingState
from engine.reservations import ANYONE
from engine.restraint.keeper import Keeper, day_number
from engine.restraint.limit_changes import Asked, unconfirmed
from engine.restraint.owners import is_strategy
from engine.risk_inputs import Desk
from engine.risk_limits import ALWAYS, Limits

NO_BOUND = 1 << 62
"""More than anybody can want."""

log = logging.getLogger(__name__)


class Overseer(QObject):
    """The limits of one account and of the owners in it, and what stops them."""

    trading_state_changed = Signal(object)
    """The account's TradingState."""
    owner_stopped = Signal(str, str)
    """An owner whose own limits stop its entries, and why."""
    told = Signal(str, str)
    """A sentence for the trader, and its level."""
    memory_changed = Signal()
    """Something changed that must outlive a restart."""
    limits_changed = Signal(object)
    """What became of a wish to change limits, as JSON can hold it: `now` and `later`, by rule [old, new]; `limits` that hold."""

    def __init__(self, limits: Mapping[str, float], desk: Desk, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.memory = Keeper(desk)
        self._clock = clock
        self._limits = {ANYONE: Limits.of(limits, ALWAYS)}

    @property
    def limits(self) -> Mapping[str, float]:
        """The account's limits by rule, in the rule's unit; only those given."""
        return self._limits[ANYONE].given

    @property
    def denied(self) -> int:
        """Orders refused today."""
        return self.memory.denied

    @property
    def state(self) -> TradingState:
        """What the account may do."""
        return self.memory.stops.account.state

    @property
    def reason(self) -> str:
        """Why it may not do everything."""
        return self.memory.stops.account.reason

    def holds_back(self, owner: str) -> str:
        """Say who is stopped and why, the account or this owner; empty when it may open something."""
        latches = self.memory.stops.of(owner)
        if latches.state is TradingState.ACTIVE:
            return ""
        who = "the account" if latches is self.memory.stops.account else owner
        return f"{who} is {latches.state.value}: {latches.reason}"

    def set_limits(self, limits: Mapping[str, float]) -> None:
        """Replace the account's limits at once, as at the start; raises InvalidOption for one that does not exist."""
        self._limits[ANYONE] = Limits.of(limits, ALWAYS)

    def change_limits(self, limits: Mapping[str, float], *, confirmed: bool = False) -> Asked:
        """Change the account's limits: what is tighter holds at once, what is looser in 15 minutes or with the next day.

        Raises InvalidOption for a limit that does not exist, and UserError, after tightening, when looser ones are not confirmed.
        """
        Limits.of(limits)
        asked, holds = self.memory.changes.ask(limits, self.limits, self._clock.now_ns())
        if not confirmed:
            self.memory.changes.waiting.clear()
        self.set_limits(holds)
        self._tell_limits(asked.tighter, asked.looser if confirmed else {})
        if asked.looser and not confirmed:
            raise unconfirmed(asked)
        return asked

    def limit_owner(self, owner: str, limits: Mapping[str, float]) -> None:
        """Give one owner limits of its own, reckoned with its own positions and capital; the account's hold besides."""
        self._limits[owner] = Limits.of(limits)

    def halt(self, reason: str, cause: str = HAND) -> None:
        """Let only cancels and the trader's own exits pass."""
        self._stop(cause, TradingState.HALTED, reason)

    def reduce(self, reason: str, cause: str = HAND) -> None:
        """Let only exits pass."""
        self._stop(cause, TradingState.REDUCING, reason)

    def clear(self, cause: str) -> None:
        """Take back what one cause has stopped."""
        if self.memory.stops.clear(ANYONE, cause):
            self._changed()

    def resume(self, reason: str) -> None:
        """Take back all stops but those of the connection; a loss that still stands stops again at the next look."""
        log.info("resumed: %s", reason)
        if self.memory.stops.release(ANYONE):
            self._changed()

    def let_trade(self, owner: str, reason: str) -> bool:
        """Take back what stops one owner, its pause too, because a person said so; tells whether there was anything."""
        log.info("%s may trade again: %s", owner, reason)
        held_back = any(restraint.owner == owner for restraint in self.memory.restraints(self._clock.now_ns()))
        self.memory.owners.forgive(owner)
        self.memory.stops.release(owner)
        if held_back:
            self.memory_changed.emit()
        return held_back

    def stop_owner(self, owner: str, cause: str, reason: str) -> None:
        """Let an owner open nothing more until the cause is taken back; its exits pass."""
        if self.memory.stops.set(owner, cause, TradingState.REDUCING, reason):
            self.memory_changed.emit()
            self.owner_stopped.emit(owner, reason)

    def arm(self, owner: str, fingerprint: str = "") -> None:
        """Let a strategy trade real money for the rest of the day; `fingerprint` is of its code, and new code begins small again."""
        arming, day = self.memory.arming, day_number(self._clock.now_ns())
        arming.arm(owner, fingerprint, day)
        self.memory_changed.emit()
        lots = self.limits.get("first_session_lots")
        if self.desk.is_live and lots is not None and arming.is_first_session(owner, day):
            self.told.emit(
                f"{owner} trades real money for the first time with this code: it holds at most {lots:g} lots of each today.", "warning"
            )

    def most_of(self, owner: str, instrument: Instrument) -> int:
        """Return the largest position that an owner may want: some lots in its first session with real money, else no bound."""
        lots = self.limits.get("first_session_lots")
        if lots is None or not self.desk.is_live or not self.memory.arming.is_first_session(owner, day_number(self._clock.now_ns())):
            return NO_BOUND
        return int(lots) * instrument.lot_size

    def disarm(self, owner: str) -> None:
        """Let a strategy open nothing more with real money until a person arms it again."""
        self.memory.arming.disarm(owner)

    def look(self) -> None:
        """Look at the figures: a loss beyond its limit lets only exits pass from now on."""
        for owner, limits in self._limits.items():
            if limits.watch_figures:
                self._look_at(owner, limits)
        self._look_at_day()

    def roll_day(self) -> None:
        """Begin a day: yesterday's loss is no reason any more, looser limits hold, and strategies are to be armed anew."""
        was_stopped = self.memory.roll_day(self._clock.now_ns())
        changes = self.memory.changes
        self._let_hold(max((due_ns for _, due_ns in changes.waiting.values()), default=0))
        self._changed() if was_stopped else self.memory_changed.emit()

    def on_clock(self, now_ns: int) -> None:
        """Let looser limits hold whose wait is over."""
        if 0 < self.memory.changes.next_ns <= now_ns:
            self._let_hold(now_ns)

    def on_trade(self, trade: Trade) -> None:
        """Count a round trip: too many losing stops in a row make their owner pause."""
        if self.memory.owners.on_trade(trade, self._clock.now_ns(), self._limit_of("loss_streak", trade.owner)):
            self.memory_changed.emit()
            self.owner_stopped.emit(trade.owner, "it was stopped out too often in a row, and pauses for an hour")

    def kept(self) -> dict[str, Any]:
        """Return what must outlive a restart, as JSON can hold it."""
        return self.memory.kept(self._clock.now_ns()) | {"limits": dict(self.limits)}

    def take_up(self, kept: Mapping[str, Any], orders: Iterable[Order], now_ns: int) -> None:
        """Go on after a restart with what was kept: who was stopped stays stopped, and a raised limit waits its time all the same."""
        is_today = self.memory.take_up(kept, orders, now_ns)
        if is_today and self.desk.is_live and isinstance(kept.get("limits"), dict):
            asked, holds = self.memory.changes.ask(self.limits, kept["limits"], now_ns)
            self.set_limits(holds)
            if asked.tighter or asked.looser:
                self._tell_limits(asked.tighter, asked.looser)
        if self.state is not TradingState.ACTIVE:
            self.trading_state_changed.emit(self.state)

    def on_reject(self, owner: str) -> None:
        """Count an order that the broker refused; too many within a minute stop its owner until a person lets it trade again."""
        if owner == EXTERNAL:
            return
        rejects, limit = self.memory.owners.on_reject(owner, self._clock.now_ns()), self._limit_of("broker_rejects", owner)
        if limit is not None and rejects >= limit:
            self.stop_owner(owner, "broker_rejects", f"the broker refused {rejects} of its orders within a minute; see why")

    def _look_at(self, owner: str, limits: Limits) -> None:
        account = self.desk.account_of(owner)
        if owner == ANYONE:
            for cause, reason in limits.broken_by(account).items():
                self.reduce(reason, cause)
            if (step := self.memory.ladder.step(account, limits.row.max_daily_loss)) is not None:
                self.memory_changed.emit()
                self.told.emit(*step)
            return
        # An owner's day began where it did, also when the strategy was started again since, or the terminal.
        account = replace(account, day_start_units=account.equity_units - self.memory.day_profit_units(owner))
        for cause, reason in limits.broken_by(account).items():
            self.stop_owner(owner, cause, reason)

    def _look_at_day(self) -> None:
        """Look at what strategies may lose of the account, and at how much of a good day is left."""
        limits, memory = self.limits, self.memory
        memory.ladder.note(self.desk.account_of(ANYONE))
        limit = limits.get("profit_giveback")
        if limit is not None and (given := memory.ladder.given_back_pct(self.desk.account_of(ANYONE))) >= limit:
            self.reduce(f"{given:.0f} % of the day's highest profit was given back, of {limit:g} % that may be", "profit_giveback")
        limit = limits.get("strategy_loss")
        if limit is None:
            return
        for owner in memory.owners.tallies:
            if is_strategy(owner) and (lost := memory.lost_pct(owner)) >= limit:
                self.stop_owner(owner, "strategy_loss", f"it lost {lost:.2f} % of the account's equity today, of {limit:g} % that it may")

    def _let_hold(self, now_ns: int) -> None:
        before = dict(self.limits)
        holds = self.memory.changes.due(self.limits, now_ns)
        if holds is not None:
            self.set_limits(holds)
            names = [name for name in {**before, **holds} if before.get(name) != holds.get(name)]
            self._tell_limits({name: (before.get(name), holds.get(name)) for name in names}, {})

    def _tell_limits(self, now: Mapping[str, Any], later: Mapping[str, Any]) -> None:
        told = {"now": {name: list(pair) for name, pair in now.items()}, "later": {name: list(pair) for name, pair in later.items()}}
        self.limits_changed.emit(told | {"limits": dict(self.limits)})
        self.memory_changed.emit()

    def _limit_of(self, name: str, owner: str) -> float | None:
        """Return the tighter of the account's limit and the owner's own, None when neither is given."""
        own = self._limits.get(owner)
        given = [limits.given[name] for limits in (self._limits[ANYONE], own) if limits is not None and name in limits.given]
        return min(given, default=None)

    def _changed(self) -> None:
        self.memory_changed.emit()
        self.trading_state_changed.emit(self.state)

    def _stop(self, cause: str, state: TradingState, reason: str) -> None:
        if self.memory.stops.set(ANYONE, cause, state, reason):
            self._changed()

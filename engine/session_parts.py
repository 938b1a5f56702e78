"""The parts that one account's session is made of, built and not yet wired.

Made in one place so that what begins, guards and closes a session can be handed all of them; who hears whom is told in `session`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject

from engine.brokers.base import Broker
from engine.calendar import Calendar
from engine.charging import free_of_charge
from engine.clock import Clock, SystemClock
from engine.core.model import Account
from engine.kill_latch import KillLatch
from engine.market_data import MarketDataHandler
from engine.mender import Mender
from engine.order_manager import OrderManager
from engine.position_tracker import PositionTracker
from engine.reconcile import Reconciler
from engine.reconcile.snapshot import Snapshot
from engine.risk_manager import RiskManager
from engine.session_desk import SessionDesk
from engine.store import Store
from engine.store.rows import StoreFailed, StoreRow
from engine.tariffs import Tariff
from engine.tasks import Tasks
from engine.view import EngineView, QuoteBoard


class SessionParts(QObject):
    """Broker, store and managers of one account."""

    def __init__(
        self,
        broker: Broker,
        store: Store,
        view: EngineView | None = None,
        *,
        limits: Mapping[str, float],
        capital_units: int,
        account: str = "paper",
        tariff: Tariff | None = None,
        calendar: Calendar | None = None,
        clock: Clock | None = None,
        wall: Clock | None = None,
        mode: str | None = None,
        latch: Path | None = None,
        square_off_early_min: float = 0.0,
        parent: QObject | None = None,
    ) -> None:
        """Build the managers; nothing is read or sent yet.

        `limits`: by rule (see `engine.rules`); `account`: under which name the store keeps it; `tariff` None charges nothing; `calendar`
        None is a market that never closes; `clock` is the market's (the broker's by default), `wall` paces the screen; `mode` is live,
        paper or replay; `latch` is the kill switch's file; `square_off_early_min`: so much before the calendar's time MIS is squared off.
        """
        super().__init__(parent)
        self.broker, self.store, self.view, self.calendar = broker, store, view, calendar
        self.account_id = account
        self.clock = clock or broker.clock
        self.wall = wall or SystemClock()
        self.mode = mode or _mode_of(broker)
        self.is_replay = broker.capabilities.is_replay
        self.tasks = Tasks(on_failure=self._on_task_failed)
        self.board = view.board if view is not None else QuoteBoard()
        self.latch = KillLatch(latch)
        # Bars that are played again are believed: they were looked through when they were imported.
        max_jump_pct = 0.0 if self.is_replay else 10.0
        self.market_data = MarketDataHandler(self.board, self.clock, calendar, self, max_jump_pct=max_jump_pct)
        self.positions = PositionTracker(capital_units, self)
        early_ns = round(square_off_early_min * 60e9)
        is_live = broker.capabilities.is_live
        self.desk = desk = SessionDesk(self.positions, self.board, self.clock, calendar, is_live=is_live, early_ns=early_ns)
        self.risk = RiskManager(limits, capital_units, self.clock, desk, self)
        rates_of = tariff.rates if tariff is not None else free_of_charge
        self.orders = OrderManager(self.tasks, store, self.clock, self.mode[:1].upper(), rates_of=rates_of, parent=self)
        self.reconciler = Reconciler(broker, self.orders, self.positions, self.clock)
        self.reconciler.heard = self._on_snapshot
        self.mender = Mender(broker, self.market_data, self.clock, self.tasks)

    @property
    def account(self) -> Account:
        """The account's figures now."""
        return self.positions.account(open_orders=len(self.risk.reservations))

    def keep(self, *rows: StoreRow) -> None:
        """Queue rows for the store; when it takes nothing more, nothing more is risked."""
        try:
            self.store.write(*rows)
        except StoreFailed as failure:
            self.on_store_failed(str(failure))

    def on_store_failed(self, reason: str) -> None:
        """Stop everything that would need a line in the journal."""
        self.risk.halt(f"the database takes nothing more ({reason})", "store")

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        """Know the account's money as of the books."""
        if snapshot.funds is not None:
            self.desk.funds = snapshot.funds

    def _on_task_failed(self, name: str, error: BaseException) -> None:
        """Stop new risk when something of ours broke that nobody foresaw."""
        self.risk.halt(f"{name} failed: {type(error).__name__}: {error}", "failure")
        self.orders.alarm_raised.emit(f"{name} failed: {type(error).__name__}: {error}; nothing new is risked until you resume.")


def _mode_of(broker: Broker) -> str:
    if broker.capabilities.is_live:
        return "live"
    return "replay" if broker.capabilities.is_replay else "paper"

"""How a session begins, goes through its days, loses and finds its broker, and ends; and what it tells of itself meanwhile.

Before the books agree with the broker's only cancels and the trader's own exits pass. What the broker says during that waits its turn.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.account_days import AccountDays
from engine.brokers.base import BrokerSink
from engine.calendar import day_of
from engine.closing import Closer
from engine.core.errors import BrokerError
from engine.core.model import LinkState
from engine.core.reconciliation import Report
from engine.guard import Guard
from engine.inferred_fills import settled
from engine.reconcile.audit import Audit
from engine.risk_manager import OPENING
from engine.session_books import SessionBooks
from engine.session_parts import SessionParts
from engine.store.rows import SessionRow, Setting, StoreFailed, StoreRow

log = logging.getLogger(__name__)

FRAME_S = 0.1
"""Marks and the account's figures are told at most this often."""

KEEP_EVERY_NS = 5_000_000_000
"""The day's figures are written at most this often while they change."""


class SessionLife:
    """The course of one session."""

    def __init__(self, parts: SessionParts, sink: BrokerSink, guard: Guard, closer: Closer) -> None:
        self._parts = parts
        self._sink = sink
        self.books = SessionBooks(parts, sink.on_order_update, self.tell)
        self.books.protect = self._protect
        self._guard = guard
        self._closer = closer
        self._days = AccountDays(parts.account_id)
        self._row: SessionRow | None = None
        self._kept_ns = 0
        self._is_publishing = False
        self._is_open = False
        self._is_warming_up = False
        self._is_same_capital = False
        self._has_memory = False

    @property
    def run_id(self) -> str:
        """Under which id this run is kept; "" before `open`."""
        return self._row.id if self._row is not None else ""

    async def open(self) -> Report:
        """Take over what the store remembers, connect, and compare with the broker; raises BrokerError when that fails."""
        parts = self._parts
        parts.risk.halt("the books are being compared with the broker's", OPENING)
        if self._row is None:
            self._remember()
        parts.broker.attach(self._sink)
        self.books.hold_back()
        await parts.broker.connect()
        self._begin_day()
        report = await self.books.compare("start")
        self._is_open = True
        parts.risk.clear(OPENING)
        self._protect()
        self._show()
        if parts.broker.capabilities.is_live:
            parts.tasks.spawn(self.books.keep_comparing(), "compare with the broker in rounds", service=True)
        if not parts.is_replay:
            parts.tasks.spawn(
                Audit(parts.orders, parts.positions, parts.risk).keep_looking(parts.clock), "look through the books", service=True
            )
        return report

    async def close(self) -> None:
        """Let what is on its way end, close the broker and write down how it ended."""
        parts, was_open = self._parts, self._is_open
        self._is_open = False
        await parts.tasks.settle()
        if was_open and parts.broker.capabilities.is_live:
            await self._compare_at_last()
        await parts.broker.close()
        await parts.tasks.close()
        self._keep_day()
        if self._row is not None:
            self.keep(replace(self._row, ended_ns=parts.wall.now_ns()))
        try:
            await parts.store.flush()
        except StoreFailed as failure:
            self.tell(f"Not everything was written down: {failure}", "critical")

    def on_clock(self) -> None:
        """Look at the market's time: a day may have begun, or a resumed replay may have caught up."""
        parts = self._parts
        if parts.broker.is_warming_up:
            self._is_warming_up = True
            return
        if self._is_warming_up:
            self._is_warming_up = False
            self._protect()
        now_ns = parts.clock.now_ns()
        parts.risk.on_clock(now_ns)
        if self._days.is_over(now_ns):
            self._keep_day()
            parts.positions.roll_day()
            parts.risk.roll_day()
            self._closer.roll_day()
            self._days.begin(now_ns, parts.account, len(parts.orders.orders))

    def on_link(self, state: LinkState, reason: str) -> None:
        """Take a change of the connection: without one only exits pass, and after one the books are compared again."""
        parts = self._parts
        if parts.view is not None:
            parts.view.on_link(state, reason)
        if not self._is_open:
            return
        parts.orders.note("LINK", state=state.value, reason=reason)
        if state is LinkState.LIVE:
            self.books.find()
        else:
            self.books.lose(reason or state.value.lower())

    def publish_soon(self) -> None:
        """Tell marks and figures with the next frame of the screen."""
        if self._parts.view is not None and not self._is_publishing:
            self._is_publishing = True
            self._parts.tasks.spawn(self._publish_with_frame(), "tell the account", service=True)

    def publish(self) -> None:
        """Tell marks, the account's figures and the limits now."""
        parts = self._parts
        parts.positions.publish()
        status = parts.risk.status(parts.account)
        if parts.view is not None:
            parts.view.on_account(status.account)
            parts.view.on_risk(status)
        if self._is_open and parts.wall.monotonic_ns() - self._kept_ns > KEEP_EVERY_NS:
            self._keep_day()

    def keep_memory(self) -> None:
        """Write down who is stopped and what was used of the day: at once, for it must outlive whatever comes next."""
        if self._has_memory:
            self.keep(Setting(self._memory, self._parts.risk.kept()))

    def on_limits(self, change: Mapping[str, Any]) -> None:
        """Put a change of limits into the journal, and tell the trader what holds later."""
        self._parts.orders.note("LIMIT_CHANGE", **change)
        if change["later"]:
            self.tell(f"{', '.join(change['later'])}: the looser limit holds in 15 minutes, or with the next day.", "warning")

    def on_owner_stopped(self, owner: str, reason: str) -> None:
        """Put down and tell that an owner opens nothing more."""
        self._parts.orders.note("OWNER_STOPPED", owner=owner, reason=reason)
        self.tell(f"{owner} opens nothing more: {reason}.", "warning")

    def keep(self, *rows: StoreRow) -> None:
        """Queue rows for the store; when it takes nothing more, nothing more is risked."""
        self._parts.keep(*rows)

    def on_store_failed(self, reason: str) -> None:
        """Stop everything that would need a line in the journal."""
        self._parts.on_store_failed(reason)

    def tell(self, text: str, level: str = "info") -> None:
        """Tell the trader; what is critical is logged as a warning, and all of it is in the log."""
        log.log(logging.WARNING if level == "critical" else logging.INFO, "%s", text)
        if self._parts.view is not None and level != "info":
            self._parts.view.notify(level, text)

    def _remember(self) -> None:
        """Take over orders, fills and the day from the store."""
        parts, account = self._parts, self._parts.account_id
        parts.store.account = account
        orders, fills = parts.store.orders(account), settled(parts.store.fills(account))
        parts.orders.restore(orders, fills)
        parts.positions.restore(fills)
        self.books.remember()
        capital = parts.account.capital_units
        before = [row for row in parts.store.sessions() if row.account == account]
        self._is_same_capital = bool(before) and before[-1].data.get("capital_units") == capital
        now_ns = parts.wall.now_ns()
        self._row = SessionRow(f"{account}-{now_ns}", account, parts.mode, parts.broker.name, now_ns, data={"capital_units": capital})
        self.keep(self._row)

    def _begin_day(self) -> None:
        """Begin the day, or go on with it; the peak of equity outlives days, as long as the capital is the same."""
        parts = self._parts
        now_ns = max(parts.clock.now_ns(), parts.broker.resumed_until_ns)
        self._days.begin(now_ns, parts.account, len(parts.orders.orders))
        rows = parts.store.account_days(parts.account_id) if self._is_same_capital else []
        if rows and rows[-1].day == day_of(now_ns):
            self._days.go_on(rows[-1])
            parts.positions.restore_day(rows[-1].start_units, rows[-1].peak_units)
        elif rows:
            parts.positions.restore_day(parts.account.day_start_units, rows[-1].peak_units)
        if not self._has_memory:
            self._recall(now_ns)

    def _recall(self, now_ns: int) -> None:
        """Stop again whom something of before the restart still stops; a replay that begins anew remembers nothing."""
        parts, self._has_memory = self._parts, True
        if parts.is_replay and parts.broker.resumed_until_ns == 0:
            return
        kept = parts.store.settings().get(self._memory, {})
        try:
            parts.risk.take_up(kept if isinstance(kept, dict) else {}, parts.orders.orders, now_ns)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            parts.risk.reduce(
                f"what was kept of the day's limits cannot be read ({error!r}); look at what was done today, then resume", "memory"
            )

    @property
    def _memory(self) -> str:
        return f"restraint {self._parts.account_id}"

    async def _compare_at_last(self) -> None:
        """Compare the books once more before the broker is left; what cannot be compared now is compared at the next start."""
        try:
            await self.books.compare("end", is_patient=False)
        except BrokerError as error:
            self.tell(f"The books could not be compared at the end: {error}", "warning")

    def _protect(self) -> None:
        self._guard.rebuild(self._parts.positions.open_books(), self._parts.orders.orders)

    def _show(self) -> None:
        """Give the screen what was there before: working orders, and all of this day."""
        parts, view = self._parts, self._parts.view
        if view is None:
            return
        for order in parts.orders.orders:
            if order.status.is_working or day_of(order.created_ns) == self._days.day:
                view.on_order(order)
        for fill in parts.orders.trades:
            if day_of(fill.time_ns) == self._days.day:
                view.on_fill(fill)
        for position in parts.positions.positions:
            view.on_position(position)
        self.publish()

    async def _publish_with_frame(self) -> None:
        await self._parts.wall.sleep(FRAME_S)
        self._is_publishing = False
        self.publish()

    def _keep_day(self) -> None:
        parts = self._parts
        self._kept_ns = parts.wall.monotonic_ns()
        self.keep(self._days.row(parts.risk.status(parts.account), len(parts.orders.orders)))
        self.keep_memory()

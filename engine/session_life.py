"""How a session begins, goes through its days, loses and finds its broker, and ends; and what it tells of itself meanwhile.

Before the books agree with the broker's only cancels and the trader's own exits pass. What the broker says during that waits its turn.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from engine.account_days import AccountDays
from engine.brokers.base import BrokerSink
from engine.calendar import day_of
from engine.closing import Closer
from engine.core.errors import BrokerError
from engine.core.model import LinkState, Order, OrderStatus, OrderUpdate, Pending
from engine.guard import Guard
from engine.reconcile import Report
from engine.risk_manager import LINK, OPENING
from engine.session_parts import SessionParts
from engine.store.rows import SessionRow, StoreFailed, StoreRow

log = logging.getLogger(__name__)

FRAME_S = 0.1
"""Marks and the account's figures are told at most this often."""

COMPARE_AGAIN_S = 5.0
"""Books that could not be compared are compared again so much later, as long as the line stands."""

KEEP_EVERY_NS = 5_000_000_000
"""The day's figures are written at most this often while they change."""


class SessionLife:
    """The course of one session."""

    def __init__(self, parts: SessionParts, sink: BrokerSink, guard: Guard, closer: Closer) -> None:
        self._parts = parts
        self._sink = sink
        self._guard = guard
        self._closer = closer
        self._days = AccountDays(parts.account_id)
        self._row: SessionRow | None = None
        self._kept_ns = 0
        self._held_back: list[OrderUpdate] | None = None
        self._resolving: set[str] = set()
        self._is_publishing = False
        self._is_open = False
        self._is_down = False
        self._recovery = 0
        """Which return of the broker the books are compared after; another one takes its place."""
        self._comparing = asyncio.Lock()
        self._is_warming_up = False
        self._is_same_capital = False

    async def open(self) -> Report:
        """Take over what the store remembers, connect, and compare with the broker; raises BrokerError when that fails."""
        parts = self._parts
        parts.risk.halt("the books are being compared with the broker's", OPENING)
        if self._row is None:
            self._remember()
        parts.broker.attach(self._sink)
        self._held_back = []
        await parts.broker.connect()
        self._begin_day()
        report = await self._compare()
        self._is_open = True
        parts.risk.clear(OPENING)
        self._protect()
        self._show()
        return report

    async def close(self) -> None:
        """Let what is on its way end, close the broker and write down how it ended."""
        parts = self._parts
        self._is_open = False
        await parts.tasks.settle()
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
        if self._days.is_over(now_ns):
            self._keep_day()
            parts.positions.roll_day()
            parts.risk.roll_day()
            self._closer.roll_day()
            self._days.begin(now_ns, parts.account, len(parts.orders.orders))

    def holds_back(self, update: OrderUpdate) -> bool:
        """Keep an update for later while the books are compared; tells whether it did."""
        if self._held_back is None:
            return False
        self._held_back.append(update)
        return True

    def on_link(self, state: LinkState, reason: str) -> None:
        """Take a change of the connection: without one only exits pass, and after one the books are compared again."""
        parts = self._parts
        if parts.view is not None:
            parts.view.on_link(state, reason)
        if not self._is_open:
            return
        parts.orders.note("LINK", state=state.value, reason=reason)
        if state is not LinkState.LIVE:
            self._is_down = True
            self._recovery += 1
            parts.risk.reduce(f"the broker cannot be heard ({reason or state.value.lower()})", LINK)
        elif self._is_down:
            self._is_down = False
            self._recovery += 1
            parts.tasks.spawn(self._recover(self._recovery), "compare with the broker", service=True)

    def resolve(self, order: Order) -> None:
        """Look an order of unknown fate up, once at a time."""
        if order.id not in self._resolving:
            self._resolving.add(order.id)
            self._parts.tasks.spawn(self._resolve(order.id), f"look up {order.id}", service=True)

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

    def keep(self, *rows: StoreRow) -> None:
        """Queue rows for the store; when it takes nothing more, nothing more is risked."""
        try:
            self._parts.store.write(*rows)
        except StoreFailed as failure:
            self.on_store_failed(str(failure))

    def on_store_failed(self, reason: str) -> None:
        """Stop everything that would need a line in the journal."""
        self._parts.risk.halt(f"the database takes nothing more ({reason})", "store")

    def tell(self, text: str, level: str = "info") -> None:
        """Tell the trader; what is critical is logged as a warning, and all of it is in the log."""
        log.log(logging.WARNING if level == "critical" else logging.INFO, "%s", text)
        if self._parts.view is not None and level != "info":
            self._parts.view.notify(level, text)

    def _remember(self) -> None:
        """Take over orders, fills and the day from the store."""
        parts, account = self._parts, self._parts.account_id
        parts.store.account = account
        orders, fills = parts.store.orders(account), parts.store.fills(account)
        parts.orders.restore(orders, fills)
        parts.positions.restore(fills)
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

    async def _compare(self) -> Report:
        """Compare the books with the broker's, then deal with what came in meanwhile."""
        parts = self._parts
        self._held_back = []
        try:
            report = await parts.reconciler.run()
        finally:
            late, self._held_back = self._held_back or [], None
        for update in late:
            parts.orders.on_update(update)
        for order in parts.orders.working():
            if not order.reservation:
                parts.orders.reserve(order.id, parts.risk.adopt(order))
        parts.orders.note("RECONCILED", report=str(report))
        self.tell(f"Compared with the broker: {report}.", "info" if report.is_clean else "critical")
        if report.adjusted and parts.broker.capabilities.is_live:
            parts.risk.reduce("positions differed from the broker's and were taken over; look at them, then resume", "reconcile")
        return report

    async def _recover(self, recovery: int) -> None:
        """Compare the books after a silence, as often as it takes: only then may anything new be opened."""
        parts, said = self._parts, ""
        while recovery == self._recovery:
            try:
                async with self._comparing:
                    await self._compare()
            except BrokerError as error:
                self._is_down = True
                if str(error) != said:
                    said = str(error)
                    self.tell(f"The connection is back, but the books could not be compared: {said}", "critical")
                await parts.clock.sleep(COMPARE_AGAIN_S)
                continue
            if recovery == self._recovery:
                self._is_down = False
                parts.risk.clear(LINK)
                self._protect()
            return

    async def _resolve(self, order_id: str) -> None:
        order = await self._parts.reconciler.resolve(order_id)
        self._resolving.discard(order_id)
        if order.status is OrderStatus.UNKNOWN or order.pending in (Pending.CANCEL_UNKNOWN, Pending.MODIFY_UNKNOWN):
            self.tell(f"It is still not known what became of the order for {order.instrument.symbol}; ask the broker.", "critical")

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

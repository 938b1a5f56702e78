"""How a session's books are kept with the broker's: compared at the start, after every silence, in rounds and at the close.

While they are compared, what the broker says waits its turn. What is found is told, kept, and held against new risk until somebody has
looked at it; nothing here sends an order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from engine.calendar import day_of
from engine.clock import IST_OFFSET_NS
from engine.core.errors import BrokerError
from engine.core.model import Order, OrderUpdate
from engine.core.reconciliation import Report
from engine.reconcile import Lookup, is_open_question
from engine.risk_manager import LINK
from engine.session_parts import SessionParts
from engine.store.rows import Setting
from engine.unclear import ANYBODY, DIFFERENCE

COMPARE_AGAIN_S = 5.0
"""Books that could not be compared are compared again so much later, as long as the line stands."""

ROUND_S = 30.0
"""Positions are held against the broker's this often; what differs twice in a row is compared in full."""

QUIET_NS = 5_000_000_000
"""So long no order may have changed before positions are looked at: news of fills and positions do not come together."""

SKEW_TOLD_S, SKEW_STOPS_S = 2.0, 30.0
"""Clocks that differ by more than this are told of; by more than that, nothing new is risked."""

CLOSE_NS = (15 * 60 + 35) * 60 * 1_000_000_000
"""The time of day at which the books of the day are compared for good."""

CLOCK = "clock"
"""Cause of a stop: a clock that is wrong."""

DARK_S = 60.0
"""After so long without the broker the trader is told what is open, and where to look after it."""

DAY_NS = 86_400_000_000_000


class SessionBooks:
    """The comparing of one session."""

    def __init__(self, parts: SessionParts, take: Callable[[OrderUpdate], None], tell: Callable[[str, str], None]) -> None:
        """`take` is the session's ear for order updates, `tell` tells the trader a text at a level."""
        self.is_down = False
        """The broker could not be heard, and the books were not compared since."""
        self.protect: Callable[[], None] = lambda: None
        """Brings protection in line with positions that were taken over."""
        self._parts = parts
        self._tell = tell
        self._lookup = Lookup(parts.broker, parts.orders, parts.clock, take, self._on_overdue)
        self._resolving: set[str] = set()
        self._held_back: list[OrderUpdate] | None = None
        self._comparing = asyncio.Lock()
        self._recovery = 0
        """Which return of the broker the books are compared after; another one takes its place."""
        self._lost_ns = 0
        self._closed_on = -1
        self._skew_told = False
        self._unacknowledged: list[str] = []

    def holds_back(self, update: OrderUpdate) -> bool:
        """Keep an update for later while the books are compared; tells whether it did."""
        if self._held_back is None:
            return False
        self._held_back.append(update)
        return True

    def hold_back(self) -> None:
        """Let all updates wait from now on, until the books were compared."""
        self._held_back = []

    async def compare(self, reason: str, *, is_patient: bool = True) -> Report:
        """Compare the books with the broker's, then deal with what came in meanwhile; raises BrokerError when that cannot be done."""
        async with self._comparing:
            self.hold_back()
            try:
                found = await self._parts.reconciler.run(reason, self._pause, is_patient=is_patient)
            finally:
                self._drain()
        return self._conclude(found)

    def lose(self, reason: str) -> None:
        """Take note that the broker cannot be heard: only exits pass until the books were compared again."""
        self.is_down = True
        self._recovery += 1
        self._parts.risk.reduce(f"the broker cannot be heard ({reason})", LINK)
        if not self._lost_ns:
            self._lost_ns = self._parts.clock.now_ns()
            self._parts.tasks.spawn(self._tell_if_dark(self._lost_ns, reason), "wait for the broker", service=True)

    def find(self) -> None:
        """Take note that the broker is heard again, and compare the books, as often as it takes."""
        if self.is_down:
            self.is_down = False
            self._recovery += 1
            self._parts.tasks.spawn(self._recover(self._recovery), "compare with the broker", service=True)

    def on_order(self, order: Order) -> None:
        """Look an order of unknown fate up, and let its owner open nothing in the instrument until it is found."""
        unclear, owner, key = self._parts.risk.unclear, order.request.owner, order.instrument.key
        if is_open_question(order):
            unclear.set(owner, key, order.id, f"nobody knows yet what became of order {order.id}, which is looked up")
            if order.id not in self._resolving:
                self._resolving.add(order.id)
                self._parts.tasks.spawn(self._resolve(order.id), f"look up {order.id}", service=True)
        elif unclear:
            unclear.clear(owner, key, order.id)

    def look_again(self, order: Order) -> None:
        """Read the broker's list once more, for it told of two things that cannot both be so."""
        self._parts.tasks.spawn(self._look_again(), f"ask again about {order.id}", service=True)

    def acknowledge(self, key: str) -> bool:
        """Let an instrument be traded again whose position differed, for somebody has looked at it; tells whether it waited for that."""
        parts = self._parts
        if not parts.risk.unclear.clear(ANYBODY, key, DIFFERENCE):
            return False
        parts.orders.note("ACKNOWLEDGED", key=key)
        if not self._keep_unacknowledged():
            parts.risk.clear(DIFFERENCE)
        return True

    def remember(self) -> None:
        """Take up what was not acknowledged before a restart."""
        parts = self._parts
        keys = parts.store.settings().get(self._setting, [])
        self._unacknowledged = [str(key) for key in keys] if isinstance(keys, list) else []
        for key in self._unacknowledged:
            self._await_acknowledgement(key, "its position differed from the broker's before the restart")

    async def keep_comparing(self) -> None:
        """Hold positions against the broker's in rounds, and compare the day's books once its market has closed; ends never."""
        parts, before = self._parts, tuple[object, ...]()
        self._closed_on = self._today() if self._is_past_close() else -1
        while True:
            await parts.clock.sleep(ROUND_S)
            if self._is_past_close() and self._closed_on != self._today() and await self._try("close"):
                self._closed_on = self._today()
            before = await self._round(before)

    async def _round(self, before: tuple[object, ...]) -> tuple[object, ...]:
        """Look at positions once; returns what differed, to be seen a second time."""
        if self.is_down or self._comparing.locked() or self._is_busy():
            return ()
        try:
            found = await self._parts.reconciler.differing()
        except BrokerError:
            return ()  # unknown is not different
        if self._is_busy() or not (found or self._parts.orders.short()):
            return ()
        if found != before and found:
            return found
        await self._try("round")
        return ()

    async def _try(self, reason: str) -> bool:
        try:
            await self.compare(reason)
        except BrokerError as error:
            self._tell(f"The books could not be compared with the broker's: {error}", "warning")
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait between two readings, dealing with what came in: an exit's fill must not wait for a slow list."""
        self._drain()
        await self._parts.clock.sleep(seconds)
        self.hold_back()

    def _drain(self) -> None:
        late, self._held_back = self._held_back or [], None
        for update in late:
            self._parts.orders.on_update(update)

    def _conclude(self, found: Report) -> Report:
        """Hold what was found against new risk, keep it and tell it."""
        parts = self._parts
        for order in parts.orders.working():
            if not order.reservation:
                parts.orders.reserve(order.id, parts.risk.adopt(order))
            # What was unknown before a restart is unknown still, and nobody has told of it since.
            if found.reason == "start" and is_open_question(order):
                symbol, owner = order.instrument.symbol, order.request.owner
                self._tell(
                    f"What became of the order for {symbol} of {owner} before the restart is not known; it is looked up.", "critical"
                )
                self.on_order(order)
        if parts.broker.capabilities.is_live:
            for difference in found.differences:
                if not difference.is_explained:
                    self._await_acknowledgement(difference.instrument.key, f"its position was not the broker's ({difference})")
        report = replace(found, unacknowledged=tuple(self._keep_unacknowledged()))
        parts.orders.note("RECONCILED", **report.as_dict())
        is_told_at_next_start = report.reason == "end" and not report.profits
        self._tell(f"Compared with the broker: {report}.", "info" if report.is_clean or is_told_at_next_start else "critical")
        self._look_at_clock(report.skew_s)
        if parts.view is not None:
            parts.view.on_report(report)
        return report

    def _await_acknowledgement(self, key: str, reason: str) -> None:
        risk = self._parts.risk
        risk.unclear.set(ANYBODY, key, DIFFERENCE, f"{reason}; look at it, then acknowledge it")
        risk.reduce("positions differed from the broker's and were taken over; look at them and acknowledge them, or resume", DIFFERENCE)

    def _keep_unacknowledged(self) -> list[str]:
        keys = self._parts.risk.unclear.keys(DIFFERENCE)
        if keys != self._unacknowledged:
            self._unacknowledged = keys
            self._parts.keep(Setting(self._setting, keys))
        return keys

    def _look_at_clock(self, skew_s: float | None) -> None:
        """Tell of a clock that is wrong, and stop new risk when it is wrong by much: what is fresh could not be told any more."""
        parts, off_s = self._parts, abs(skew_s or 0.0)
        if off_s > SKEW_STOPS_S:
            parts.risk.reduce(f"the clock of this machine is {off_s:.0f} s off the broker's; set it right", CLOCK)
            return
        parts.risk.clear(CLOCK)
        if off_s > SKEW_TOLD_S and not self._skew_told:
            self._tell(
                f"The clock of this machine is {off_s:.1f} s off the broker's; beyond {SKEW_STOPS_S:.0f} s nothing is opened.", "warning"
            )
        self._skew_told = off_s > SKEW_TOLD_S

    async def _recover(self, recovery: int) -> None:
        """Compare the books after a silence, as often as it takes: only then may anything new be opened."""
        parts, said = self._parts, ""
        while recovery == self._recovery:
            try:
                await self.compare("connection")
            except BrokerError as error:
                self.is_down = True
                if str(error) != said:
                    said = str(error)
                    self._tell(f"The connection is back, but the books could not be compared: {said}", "critical")
                await parts.clock.sleep(COMPARE_AGAIN_S)
                continue
            if recovery == self._recovery:
                self.is_down = False
                self._lost_ns = 0
                parts.risk.clear(LINK)
                self.protect()
            return

    async def _tell_if_dark(self, lost_ns: int, reason: str) -> None:
        """Tell when the books could not be compared since the broker was lost, a minute ago."""
        await self._parts.clock.sleep(DARK_S)
        if self._lost_ns != lost_ns:
            return
        positions, orders = len(self._parts.positions.open_books()), len(self._parts.orders.working())
        self._tell(
            f"The broker has not been heard for {DARK_S:.0f} s ({reason}). {positions} positions and {orders} orders are open; "
            "look after them in the broker's own app until the connection is back.",
            "critical",
        )

    async def _resolve(self, order_id: str) -> None:
        try:
            order = await self._lookup.resolve(order_id)
        finally:
            self._resolving.discard(order_id)
        if order.status.is_terminal and not order.filled:
            self._tell(f"The order for {order.instrument.symbol} of unknown fate is {order.status}: {order.message}", "warning")

    def _on_overdue(self, order: Order) -> None:
        self._tell(f"It is still not known what became of the order for {order.instrument.symbol}; ask the broker.", "critical")

    async def _look_again(self) -> None:
        try:
            updates = list(await self._parts.broker.orders())
        except BrokerError:
            return  # the next round reads them anyhow
        for update in updates:
            if not self.holds_back(update):
                self._parts.orders.on_update(update)

    def _is_busy(self) -> bool:
        """Tell whether orders are on their way, or changed a moment ago."""
        now_ns = self._parts.clock.now_ns()
        return any(now_ns - order.updated_ns < QUIET_NS for order in self._parts.orders.orders)

    def _is_past_close(self) -> bool:
        return (self._parts.clock.now_ns() + IST_OFFSET_NS) % DAY_NS >= CLOSE_NS

    def _today(self) -> int:
        return day_of(self._parts.clock.now_ns()).toordinal()

    @property
    def _setting(self) -> str:
        return f"unacknowledged {self._parts.account_id}"

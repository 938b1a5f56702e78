"""The kill switch: new risk ends in the very call that presses it; then every order is cancelled until that is certain.

It stays latched over a restart, in a file and in the database, until a person takes it back with a reason. Closing positions is asked
for separately, and follows the plan in `flatten`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from engine import failpoints
from engine.core.errors import BrokerError, InvalidOrder, UserError
from engine.core.model import EXTERNAL, Order, OrderRequest, OrderUpdate, Pending
from engine.guard import Guard
from engine.kill.flatten import Flattening
from engine.kill.report import Fate, KillReport, Outcome, fate_of
from engine.kill_latch import KILL
from engine.session_parts import SessionParts
from engine.store.rows import Setting, StoreFailed

STEP_S = 0.1
"""How often it is looked at how far it has come."""

READ_EVERY_S = 1.0
"""While orders are open the broker's list is read this often, whatever messages say."""

ASK_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""After so long a cancel is asked for again: longer each time, for the exits need the rate, too."""

LATCHED_WITHIN_S = 1.0
"""So long the closing of positions waits for the latch's file."""

FIRST_WORD_S = 3.0
"""What has become of the orders is told after so long, even when it is not over."""


class Door(Protocol):
    """What the switch may do: the session."""

    def cancel(self, order_id: str) -> Order:
        """Cancel an order."""
        ...

    def submit(self, request: OrderRequest, *, by_hand: bool | None = None) -> Order:
        """Send an order past the rules."""
        ...


class KillSwitch:
    """The kill switch of one account."""

    def __init__(
        self, parts: SessionParts, door: Door, guard: Guard, tell: Callable[[str, str], None], take: Callable[[OrderUpdate], None]
    ) -> None:
        """`tell` hears a text and how urgent it is, `take` an update of the broker's list."""
        self.report: KillReport | None = None
        """How the last kill stands; None when there was none."""
        self._parts, self._door, self._guard = parts, door, guard
        self._tell, self._take = tell, take
        self.flattening = Flattening(parts, door.submit, lambda text: tell(text, "critical"))
        self._orders: dict[str, bool] = {}
        self._asked: dict[str, tuple[int, int]] = {}
        self._reason = ""
        self._flatten = False
        self._task: asyncio.Task[None] | None = None
        self._latching: asyncio.Task[None] | None = None

    @property
    def is_latched(self) -> bool:
        """Tell whether it holds."""
        return bool(self._reason)

    def press(self, reason: str, *, flatten: bool = False) -> None:
        """Stop new risk now, then cancel everything, and close all positions only if asked; returns as soon as that has begun."""
        parts = self._parts
        parts.risk.halt(reason, KILL)
        is_first = not self._reason
        self._reason = self._reason or reason
        self._flatten |= flatten
        if is_first or flatten:
            # The file comes first: whatever ends this process on the way, the next one finds it stopped.
            self._latching = parts.tasks.spawn(self._latch(self._reason), "kill latch")
        self._guard.forget_all()
        for order in parts.orders.working():
            self._orders.setdefault(order.id, False)
            self._cancel(order)
        parts.orders.note("KILL", reason=reason, flatten=flatten, orders=list(self._orders))
        self._keep({"reason": self._reason, "at_ns": parts.wall.now_ns(), "is_over": False, "flatten": self._flatten})
        self._state(is_over=False)
        self._go_on()

    def take_up(self) -> bool:
        """Hold what was latched before this start, in the file or in the database; tells whether something was."""
        parts = self._parts
        latched, kept = parts.latch.read(), self._kept()
        if latched is None and not kept:
            return False
        self._reason = (latched.reason if latched is not None else "") or str(kept.get("reason") or "") or "the kill switch is latched"
        parts.risk.halt(self._reason, KILL)
        if latched is None:
            parts.tasks.spawn(self._latch(self._reason), "kill latch")
        return True

    def finish(self) -> None:
        """Go on after a restart with the cancels of a kill that was cut off; positions are not closed by it, only told."""
        parts, kept = self._parts, self._kept()
        if not self._reason or kept.get("is_over", False):
            return
        parts.orders.note("KILL", reason=self._reason, flatten=False, found=True)
        if kept.get("flatten"):
            held = ", ".join(f"{book.quantity:+d} {book.instrument.symbol}" for book in parts.positions.open_books())
            self._tell(
                f"The terminal ended while the kill switch was closing positions. Still held: {held or 'none'}; close them.", "critical"
            )
        for order in parts.orders.working():
            if order.request.owner != EXTERNAL:
                self._orders.setdefault(order.id, False)
        self._flatten = False
        self._go_on()

    def take_back(self, reason: str) -> None:
        """Let trading go on, for a reason that a person has typed and that is kept; raises UserError without one."""
        said = " ".join(reason.split())
        if not said:
            raise UserError("Expected the reason why trading may go on, was none; type what was found and mended.")
        parts = self._parts
        parts.orders.note("REARM", reason=said)
        self._reason, self._flatten = "", False
        self._orders.clear()
        self._asked.clear()
        self.flattening.end()
        self._keep({})
        parts.latch.clear()
        parts.risk.resume(said)

    def _go_on(self) -> None:
        if self._task is None or self._task.done():
            self._task = self._parts.tasks.spawn(self._see_through(), "kill", service=True)

    async def _see_through(self) -> None:
        """Cancel until nothing is open, then close positions if that was asked; tell how it stands on the way and at the end."""
        if self._latching is not None:
            # Cancels are on their way; nothing is closed before the latch is on the disk, unless that hangs.
            await asyncio.wait({self._latching}, timeout=LATCHED_WITHIN_S)
        wall, began_ns = self._parts.wall, self._parts.wall.monotonic_ns()
        read_ns, has_told, is_open = began_ns, False, True
        while self._reason and is_open:
            for order in self._open():
                self._cancel(order)
            if failpoints.reached is not None:
                failpoints.reached("between kill legs")
            if self._flatten:
                await self.flattening.step()
                self._orders |= dict.fromkeys(self.flattening.sent, True)
            self._state(is_over=False)
            is_open = bool(self._open()) or (self._flatten and not self.flattening.is_over)
            if not is_open:
                break
            now_ns = wall.monotonic_ns()
            if not has_told and now_ns - began_ns >= FIRST_WORD_S * 1e9:
                has_told = True
                self._say()
            if now_ns - read_ns >= READ_EVERY_S * 1e9:
                read_ns = now_ns
                await self._read()
            await wall.sleep(STEP_S)
        if self._reason:
            self._state(is_over=True)
            self._say()
            self._parts.orders.note("KILL_RESULT", **self._result())
            self._keep({"reason": self._reason, "is_over": True})

    def _open(self) -> list[Order]:
        """List what is to be cancelled and is not yet certain to be; what is found later belongs to it, exits that were sent do not."""
        orders = self._parts.orders
        for order in orders.working():
            if order.request.owner != EXTERNAL and not order.request.is_exit:
                self._orders.setdefault(order.id, False)
        known = (orders.order(order_id) for order_id, is_exit in self._orders.items() if not is_exit)
        return [order for order in known if fate_of(order) is not Fate.DONE]

    def _cancel(self, order: Order) -> None:
        """Ask for a cancel, unless it was asked for a moment ago."""
        now_ns = self._parts.wall.monotonic_ns()
        asked_ns, times = self._asked.get(order.id, (0, 0))
        if times and now_ns - asked_ns < ASK_AGAIN_S[min(times, len(ASK_AGAIN_S)) - 1] * 1e9:
            return
        if order.pending is Pending.CANCEL:
            return
        self._asked[order.id] = (now_ns, times + 1)
        try:
            self._door.cancel(order.id)
        except InvalidOrder:
            return  # it has just ended

    async def _read(self) -> None:
        """Read what the broker has: only that makes a cancel certain."""
        try:
            updates = await self._parts.broker.orders()
        except BrokerError:
            return
        for update in updates:
            self._take(update)

    def _state(self, *, is_over: bool) -> None:
        orders = self._parts.orders
        outcomes = tuple(Outcome(orders.order(order_id), is_exit) for order_id, is_exit in self._orders.items())
        self.report = KillReport(self._reason, outcomes, tuple(self._parts.positions.open_books()), self._flatten, is_over)

    def _say(self) -> None:
        """Tell how it stands, each order on a line of its own."""
        report = self.report
        if report is not None:
            text = "\n".join([str(report), *report.lines()])
            self._tell(text, "warning" if report.is_clean else "critical")

    def _result(self) -> dict[str, Any]:
        return self.report.as_dict() if self.report is not None else {}

    async def _latch(self, reason: str) -> None:
        """Write the file; what is stopped stays stopped when it cannot be written."""
        latch = self._parts.latch
        if latch.is_set:
            return  # somebody waits for an answer to what they have written
        try:
            await asyncio.to_thread(latch.set, reason)
        except OSError as error:
            self._tell(f"The kill switch holds, but not over a restart: {error}", "critical")
        if not self._reason:
            latch.clear()  # it was taken back while this was being written

    def _keep(self, value: dict[str, Any]) -> None:
        """Keep it in the database; the file holds when that takes nothing more."""
        try:
            self._parts.store.write(Setting(KILL, value))
        except StoreFailed:
            return

    def _kept(self) -> dict[str, Any]:
        try:
            kept = self._parts.store.settings().get(KILL)
        except StoreFailed:
            return {}
        return kept if isinstance(kept, dict) else {}

"""The way of an order to the broker: journal on the disk, a last look at the latch, the request, and how to read the answer.

Each step waits for the one before. Nothing that may have arrived is ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine import failpoints
from engine.brokers.base import Broker
from engine.core.lifecycle import transition
from engine.core.model import Order, OrderChange, OrderStatus, Pending
from engine.order_log import OrderLog
from engine.outcomes import Answer, Fate, ask
from engine.store.rows import StoreFailed

S = OrderStatus

INTENT_LIVES_NS = 5_000_000_000
"""An entry that could not leave within this time was meant for another market."""

CANCEL_TRIES = 3

EXIT_AGAIN_S = 0.5


class OrderPath:
    """Places, changes and cancels at the broker."""

    def __init__(self, log: OrderLog, answered: Callable[[str], None], alarm: Callable[[str], None]) -> None:
        """`answered` hears the id of each order whose request was answered, `alarm` what the trader must look at."""
        self.gate: Callable[[Order], str] = _open_gate
        self.turn: Callable[[], Awaitable[None]] | None = None
        self.doubt: Callable[[Order], None] = lambda order: None
        """Hears of an order that the broker refused to cancel: mostly it is over there, and that was not heard."""
        self.in_flight: set[str] = set()
        """Orders whose request is out and not answered."""
        self.on_way: set[str] = set()
        """Orders that were handed to the journal and have no answer yet: the broker need not know of them."""
        self.withdrawn: set[str] = set()
        """Orders that are not to leave any more."""
        self._log = log
        self._answered = answered
        self._alarm = alarm

    async def place(self, order_id: str, broker: Broker, committed: asyncio.Future[None]) -> None:
        """Send an order as soon as its journal lines are on the disk, and put down what became of it."""
        try:
            await self._place(order_id, broker, committed)
        finally:
            self.on_way.discard(order_id)

    async def _place(self, order_id: str, broker: Broker, committed: asyncio.Future[None]) -> None:
        log = self._log
        try:
            await committed
        except StoreFailed as failure:
            log.conclude(order_id, S.NOT_PLACED, f"Not sent: {failure}")
            log.fail(str(failure))
            return
        if self.turn is not None and log.get(order_id).request.is_exit:
            await self.turn()
        if reason := self._why_not(log.get(order_id)):
            log.conclude(order_id, S.NOT_PLACED, reason)
            return
        self.in_flight.add(order_id)
        # Its line SENT is on the disk already: from here on it counts as sent, whatever happens to us.
        sent = log.tell(transition(log.get(order_id), S.SENT, log.clock.now_ns()))
        if failpoints.reached is not None:
            failpoints.reached("after sent")
        try:
            answer = await ask(broker.place(sent))
            if answer.fate is Fate.NOT_SENT and sent.request.is_exit:
                # It certainly never left: an exit is tried once more, for it is dear to stay in.
                await log.clock.sleep(EXIT_AGAIN_S)
                if self.turn is not None:
                    await self.turn()
                answer = await ask(broker.place(sent))
            if failpoints.reached is not None:
                failpoints.reached("after reply")
            self._on_placed(order_id, answer)
        finally:
            self.in_flight.discard(order_id)
            if log.get(order_id).status is S.SENT:
                self._on_placed(order_id, Answer(Fate.UNKNOWN, "the request broke off"))
            self._answered(order_id)

    async def modify(self, order_id: str, change: OrderChange, broker: Broker) -> None:
        """Ask for a change; that it happened is told by an update."""
        if self.turn is not None:
            await self.turn()
        order = self._log.get(order_id)
        refusal = self.gate(order)
        if failpoints.reached is not None:
            failpoints.reached("mid-modify")
        answer = Answer(Fate.NOT_SENT, refusal) if refusal else await ask(broker.modify(order, change))
        if failpoints.reached is not None:
            failpoints.reached("mid-modify")
        if answer.fate is not Fate.YES and self._log.get(order_id).pending is Pending.MODIFY:
            self._fail(order_id, answer, "change", Pending.MODIFY_UNKNOWN)
        self._answered(order_id)

    async def cancel(self, order_id: str, broker: Broker) -> None:
        """Ask for the cancel, again when it certainly did not arrive; that it happened is told by an update."""
        for attempt in range(1, CANCEL_TRIES + 1):
            if self.turn is not None:
                await self.turn()
            if failpoints.reached is not None:
                failpoints.reached("mid-cancel")
            answer = await ask(broker.cancel(self._log.get(order_id)))
            if failpoints.reached is not None:
                failpoints.reached("mid-cancel")
            if answer.fate is Fate.YES or self._log.get(order_id).pending is not Pending.CANCEL:
                return
            if not answer.may_ask_again or attempt == CANCEL_TRIES:
                break
            await self._log.clock.sleep(0.5 * attempt)
        if answer.fate is Fate.NO:
            self.doubt(self._log.get(order_id))
        self._fail(order_id, answer, "cancel", Pending.CANCEL_UNKNOWN)

    def _why_not(self, order: Order) -> str:
        if order.id in self.withdrawn:
            self.withdrawn.discard(order.id)
            return "Cancelled before it left."
        if not order.request.is_exit and abs(self._log.clock.now_ns() - order.created_ns) > INTENT_LIVES_NS:
            return "Not sent: it waited too long for its line in the journal; decide anew."
        return self.gate(order)

    def _on_placed(self, order_id: str, answer: Answer) -> None:
        log, order = self._log, self._log.get(order_id)
        if answer.fate is Fate.YES:
            # An update may have been faster than the answer: then only the number is news.
            acked = transition(order, S.ACKED, log.clock.now_ns()) if order.status is S.SENT else order
            log.change(replace(acked, broker_order_id=order.broker_order_id or answer.text), "ACK", {"broker_order_id": answer.text})
        elif order.status is S.SENT:
            status = {Fate.NO: S.REJECTED, Fate.NOT_SENT: S.NOT_PLACED, Fate.UNKNOWN: S.UNKNOWN}[answer.fate]
            log.conclude(order_id, status, answer.text)
            if answer.fate is Fate.UNKNOWN:
                self._alarm(f"Nobody knows whether the order for {order.instrument.symbol} was placed ({answer.text}); it is looked up.")

    def _fail(self, order_id: str, answer: Answer, what: str, if_unknown: Pending) -> None:
        order = self._log.get(order_id)
        pending = if_unknown if answer.fate is Fate.UNKNOWN else Pending.NONE
        payload = {"fate": answer.fate.value, "message": answer.text}
        self._log.change(replace(order, pending=pending), f"{what.upper()}_FAILED", payload)
        self._alarm(f"The {what} of the order for {order.instrument.symbol} is {answer.fate.value}: {answer.text}")


def _open_gate(order: Order) -> str:
    return ""

"""Cancels, and closes if asked, straight at the broker: for when the terminal that should do it hangs.

Only orders that carry a tag of this terminal are cancelled, until the broker lists them as over. What is sent to close a position is
written down and on the disk first; the terminal finds it at the broker as an order from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from engine.brokers.base import Broker
from engine.clock import Clock
from engine.core.errors import AuthenticationError, BrokerError
from engine.core.lifecycle import new_order_id
from engine.core.model import Order, OrderChange, OrderRequest, OrderStatus, OrderType, OrderUpdate, Pending, Position
from engine.kill.exits import exits, nets_of, sliced
from engine.kill.report import Fate, KillReport, Outcome, fate_of
from engine.outcomes import Fate as Asked
from engine.outcomes import ask
from engine.remainder import BEYOND_PCT, price_of

S = OrderStatus

STEP_S = 0.5
"""Between two looks at the broker's list."""

CANCELS_S = 15.0
"""So long orders are cancelled before it is said that some are still open."""

CLOSES_S = 40.0
"""So long positions are closed before it is said that some are still there."""

TRIES = 3
"""Exits of one position that may be refused before it is left to a person."""

PRICED_EVERY_S = 2.0
"""An exit that rests is priced anew so often."""

OWNER = "kill"
"""Part of the tags of what is sent here."""


class Alone:
    """One kill without a terminal."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        is_ours: Callable[[str], bool],
        note: Callable[[Order], None],
        random: Callable[[int], bytes],
    ) -> None:
        """`is_ours` knows our tags; `note` puts an order on the disk before it is sent; `random` makes so many bytes."""
        self._broker, self._clock = broker, clock
        self._is_ours, self._note, self._random = is_ours, note, random
        self._orders: dict[str, Outcome] = {}
        self._sent_ns: dict[str, int] = {}
        self._priced: dict[str, int] = {}
        self._is_shut_out = False
        self.trouble = ""
        """What the broker said last when it could not be read, empty when it could."""

    async def run(self, reason: str, *, flatten: bool = False) -> KillReport:
        """Cancel, then close if asked; returns what came of each. Never raises for what the broker does."""
        await self._until(CANCELS_S, self._cancel_step)
        if flatten:
            await self._close()
        held = [book for book in await self._positions() or () if book.quantity]
        return KillReport(reason, tuple(self._orders.values()), tuple(held), flatten, is_over=True)

    async def _until(self, within_s: float, step: Callable[[], Awaitable[bool]]) -> None:
        """Look and do a step, again and again, until that says that it is over or the time is."""
        end_ns = self._clock.monotonic_ns() + round(within_s * 1e9)
        while True:
            is_over = await step()
            if is_over or self._is_shut_out or self._clock.monotonic_ns() >= end_ns:
                return
            await self._clock.sleep(STEP_S)

    async def _cancel_step(self) -> bool:
        """Cancel what is open; tells whether the broker lists nothing of ours as open any more."""
        if not await self._look():
            return False
        live = [one.order for one in self._orders.values() if not one.is_exit and fate_of(one.order) is not Fate.DONE]
        await asyncio.gather(*(self._ask_cancel(order) for order in live))
        return not live

    async def _ask_cancel(self, order: Order) -> None:
        answer = await ask(self._broker.cancel(order))
        if answer.fate is not Asked.YES:
            self._put(replace(order, message=answer.text, pending=_PENDING.get(answer.fate, Pending.NONE)))

    async def _look(self) -> bool:
        """Read the broker's list; tells whether that could be done."""
        try:
            updates = await self._broker.orders()
        except BrokerError as error:
            self.trouble = str(error)
            self._is_shut_out = isinstance(error, AuthenticationError)
            return False
        self.trouble = ""
        for update in updates:
            if self._is_ours(update.tag) and update.request is not None:
                self._take(update)
        return True

    def _take(self, update: OrderUpdate) -> None:
        """Keep what is open, and how it ended; what was over before is of no interest."""
        assert update.request is not None
        known = self._orders.get(update.tag)
        status = update.status or (known.order.status if known is not None else S.OPEN)
        if known is None and status.is_terminal:
            return
        quantity = update.quantity or update.request.quantity
        order = Order(
            update.tag, update.request, status, Pending.NONE, update.broker_order_id, quantity, update.price, update.trigger_price
        )
        order = replace(order, filled=update.filled, message=update.message or (known.order.message if known is not None else ""))
        self._put(order)

    def _put(self, order: Order, *, is_exit: bool = False) -> None:
        known = self._orders.get(order.id)
        self._orders[order.id] = Outcome(order, is_exit or (known is not None and known.is_exit))

    async def _positions(self) -> Sequence[Position] | None:
        """Return what the broker lists, None when it cannot be read: unknown is not flat."""
        try:
            return await self._broker.positions()
        except BrokerError as error:
            self.trouble = str(error)
            return None

    async def _close(self) -> None:
        """Close shorts, then longs, each seen through before anything more is sent."""
        for is_short in (True, False):
            await self._until(CLOSES_S / 2, partial(self._close_step, is_short))

    async def _close_step(self, is_short: bool) -> bool:
        """Send what closes, or see through what was sent; tells whether nothing of that side is held any more."""
        if not await self._look():
            return False
        working = [one.order for one in self._orders.values() if fate_of(one.order) is not Fate.DONE]
        mine = [one for one in working if self._orders[one.id].is_exit]
        if mine:
            await self._price_anew(mine)
            return False
        books = await self._positions()
        if books is None:
            return False
        books = [book for book in books if book.quantity and (book.quantity < 0) is is_short]
        wanted = [part for one in exits(books, nets_of(books), working) if self._refused(one.book) < TRIES for part in sliced(one)]
        for one in wanted:
            if not await self._place(one.request()):
                break  # of unknown fate: nothing more is sent until it is known
        return not books

    def _refused(self, book: Position) -> int:
        """Count the exits of a position that were not taken."""
        ended = (one.order for one in self._orders.values() if one.is_exit and one.order.status in (S.REJECTED, S.NOT_PLACED))
        return sum(order.instrument.key == book.instrument.key and order.request.product is book.product for order in ended)

    async def _place(self, request: OrderRequest) -> bool:
        """Send one exit; tells whether more may be sent after it."""
        tag = new_order_id("K", OWNER, self._clock.now_ns() // 1_000_000, self._random(5))
        order = Order(tag, replace(request, owner=OWNER), S.SENT, quantity=request.quantity, created_ns=self._clock.now_ns())
        self._note(order)
        self._sent_ns[tag] = order.created_ns
        answer = await ask(self._broker.place(order))
        status = {Asked.YES: S.ACKED, Asked.NO: S.REJECTED, Asked.NOT_SENT: S.NOT_PLACED, Asked.UNKNOWN: S.UNKNOWN}[answer.fate]
        number = answer.text if answer.fate is Asked.YES else ""
        message = "" if answer.fate is Asked.YES else answer.text
        self._put(replace(order, status=status, broker_order_id=number, message=message), is_exit=True)
        return answer.fate is not Asked.UNKNOWN

    async def _price_anew(self, mine: Sequence[Order]) -> None:
        """Follow the price with exits that rest, further each time."""
        for order in mine:
            waited_s = (self._clock.now_ns() - self._sent_ns.get(order.id, 0)) / 1e9
            times = int(waited_s / PRICED_EVERY_S)
            if order.status not in (S.OPEN, S.PARTIAL) or times <= self._priced.get(order.id, 0) or times > len(BEYOND_PCT):
                continue
            self._priced[order.id] = times
            try:
                quotes = await self._broker.quote([order.instrument])
            except BrokerError:
                continue
            price = price_of(order, quotes, BEYOND_PCT[times - 1])
            if price is not None:
                await ask(self._broker.modify(order, OrderChange(price=price, order_type=OrderType.LIMIT)))


_PENDING = {Asked.UNKNOWN: Pending.CANCEL_UNKNOWN}

"""Looks up what became of an order that nobody knows the fate of, until the broker lists it or its day is over.

That a list does not have it proves nothing, unless two minutes have gone by, several lists were read, and one of them is certain to be
newer than the order. Nothing is sent from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count

from engine.brokers.base import Broker
from engine.calendar import day_of
from engine.clock import Clock
from engine.core.errors import BrokerError
from engine.core.model import Order, OrderStatus, OrderUpdate, Pending
from engine.order_manager import OrderManager

S = OrderStatus

LOOKS_S = (0.3, 0.7, 1.5, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0)
"""When an order of unknown fate is looked up, in seconds after it was sent."""

THEN_EVERY_S = 30
"""How often after that, to the end of its day."""

GOOD_LOOKS = 5
"""Complete lists without the order that are needed before it is taken as never placed."""

NEWER_BY_NS = 2_000_000_000
"""So much later than the sending a line of the list must be to prove it newer: the broker's clock may run ahead of ours by less."""


class Lookup:
    """The open questions of one account."""

    def __init__(
        self,
        broker: Broker,
        orders: OrderManager,
        clock: Clock,
        take: Callable[[OrderUpdate], None],
        overdue: Callable[[Order], None],
    ) -> None:
        """`take` hears what the broker's list says, `overdue` of an order not found after two minutes, which is looked for further."""
        self._broker, self._orders, self._clock, self._take, self._overdue = broker, orders, clock, take, overdue
        self._reading = asyncio.Lock()
        self._read_ns = -1
        self._last: Sequence[OrderUpdate] = ()

    async def resolve(self, order_id: str) -> Order:
        """Look an order up until the broker lists it, it is certain that it never will, or its day is over."""
        sent_ns, good_looks = self._orders.order(order_id).updated_ns, 0
        for after_s in _looks():
            await self._clock.sleep(max(0.0, after_s - (self._clock.now_ns() - sent_ns) / 1e9))
            if not is_open_question(self._orders.order(order_id)):
                break
            if day_of(self._clock.now_ns()) != day_of(sent_ns):
                self.give_up(order_id)
                break
            updates = await self._read()
            if updates is not None:
                good_looks += 1
                for update in updates:
                    self._take(update)
            if after_s < LOOKS_S[-1] or not is_open_question(self._orders.order(order_id)):
                continue
            if updates is not None and good_looks >= GOOD_LOOKS and self._is_fresh(order_id, updates, sent_ns):
                self._orders.conclude(order_id, S.NOT_PLACED, "The broker's list, newer than the order, does not have it.")
            elif after_s == LOOKS_S[-1]:
                self._overdue(self._orders.order(order_id))
        return self._orders.order(order_id)

    def give_up(self, order_id: str) -> None:
        """Leave an order to a person: the day is over, and no list will ever tell."""
        if self._orders.order(order_id).status is S.UNKNOWN:
            self._orders.conclude(order_id, S.OPERATOR, "The day is over and nobody knows its fate; ask the broker.")

    async def _read(self) -> Sequence[OrderUpdate] | None:
        """Return a list that was asked for no earlier than now, one for all who wait; None when it cannot be read."""
        asked_ns = self._clock.monotonic_ns()
        async with self._reading:
            if self._read_ns < asked_ns:
                began_ns = self._clock.monotonic_ns()
                try:
                    self._last = list(await self._broker.orders())
                except BrokerError:
                    return None
                self._read_ns = began_ns
            return self._last

    def _is_fresh(self, order_id: str, updates: Sequence[OrderUpdate], sent_ns: int) -> bool:
        """Tell whether a list without the order shows something that happened after it was sent, and so cannot be an old one."""
        is_missing = self._orders.order(order_id).status is S.UNKNOWN and all(update.tag != order_id for update in updates)
        return is_missing and any(update.time_ns > sent_ns + NEWER_BY_NS for update in updates)


def is_open_question(order: Order) -> bool:
    """Tell whether nobody knows what became of an order, or of its change or cancel."""
    return order.status is S.UNKNOWN or order.pending in (Pending.CANCEL_UNKNOWN, Pending.MODIFY_UNKNOWN)


def _looks() -> Iterator[float]:
    return chain(LOOKS_S, count(LOOKS_S[-1] + THEN_EVERY_S, THEN_EVERY_S))

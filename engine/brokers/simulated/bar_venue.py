"""Where orders meet bars: each rests until a bar's open or range fills it, by the very functions the compiled replay uses.

Every fill is followed by a pause in which the session may protect, cancel and place; only then does the bar go on.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from engine.brokers.simulated.exchange import Exchange
from engine.brokers.simulated.orders import ExchangeOrder
from engine.core.matching import (
    LIMIT,
    MARKET,
    RESTING,
    STOP,
    STOP_LIMIT,
    end_bar,
    fills_at_open,
    fills_in_range,
    pick_at_open,
    pick_in_range,
    remove,
)
from engine.core.model import Instrument, OrderStatus, OrderType, Side, Validity
from engine.core.records import Row, Rows

DECIDE, OPEN, RANGE = 0, 1, 2
"""The stages of a step, in their order: what was decided at its time, its open, its range."""

Settle = Callable[[], Awaitable[None]]

_KINDS = {OrderType.MARKET: MARKET, OrderType.LIMIT: LIMIT, OrderType.SL_M: STOP, OrderType.SL: STOP_LIMIT}


class BarQueue:
    """The orders that rest in one instrument, in placing order."""

    def __init__(self) -> None:
        self.orders: list[ExchangeOrder] = []
        self.rows: Rows = np.zeros(8, dtype=RESTING)
        """`rows[i]` is what the law of matching sees of `orders[i]`."""
        self.reach_low, self.reach_high = -math.inf, math.inf
        """A bar that stays between these two prices changes nothing here."""

    def add(self, order: ExchangeOrder, is_fresh: bool) -> None:
        """Put an order at the end."""
        count = len(self.orders)
        if count == len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros(count, dtype=RESTING)])
        self.orders.append(order)
        self._write(count, order, is_fresh)
        self.note_reach()

    def rewrite(self, order: ExchangeOrder) -> None:
        """Take note of a change that leaves an order in its place."""
        index = self.orders.index(order)
        self._write(index, order, bool(self.rows[index].is_fresh))
        self.note_reach()

    def remove(self, order: ExchangeOrder) -> None:
        """Take an order out, if it is here."""
        if order in self.orders:
            index = self.orders.index(order)
            remove(self.rows, len(self.orders), index)
            del self.orders[index]
            self.note_reach()

    def note_reach(self) -> None:
        """Find which prices a bar must touch before it is worth looking at the orders one by one."""
        self.reach_low, self.reach_high = -math.inf, math.inf
        fresh = self.rows["is_fresh"][: len(self.orders)]
        for order, is_fresh in zip(self.orders, fresh, strict=True):
            price = order.trigger_price if order.is_waiting else order.price
            if price is None or is_fresh or order.validity is Validity.IOC:
                self.reach_low = math.inf
            elif order.is_waiting == (order.side is Side.BUY):
                self.reach_high = min(self.reach_high, price)
            else:
                self.reach_low = max(self.reach_low, price)

    def _write(self, index: int, order: ExchangeOrder, is_fresh: bool) -> None:
        price = order.price if order.price is not None else math.nan
        trigger = order.trigger_price if order.trigger_price is not None else math.nan
        quantity = order.side * order.remaining
        self.rows[index] = (order.number, quantity, price, trigger, _KINDS[order.order_type], order.is_triggered, is_fresh, 0)


class BarVenue:
    """The queues of all instruments of a replay, and the order of a bar."""

    def __init__(self, instruments: Sequence[Instrument], touch: bool, settle: Settle) -> None:
        """`touch`: a limit fills when its price is reached, not only when it is gone through. `settle` is the pause after a fill."""
        self.stage = DECIDE
        self.time_ns = 0
        """The step that is being played."""
        self._touch = touch
        self._settle = settle
        self._queues = {instrument.key: BarQueue() for instrument in instruments}
        self._desk: Exchange | None = None

    @property
    def desk(self) -> Exchange:
        """Where fills are reported."""
        assert self._desk is not None
        return self._desk

    def attach(self, desk: Exchange) -> None:
        """Report fills to this desk."""
        self._desk = desk

    def refuse(self, order: ExchangeOrder) -> str:
        """Refuse what is not part of the replay."""
        if order.instrument.key in self._queues:
            return ""
        return f"Expected an instrument of this replay ({', '.join(self._queues)}), was {order.instrument.key}."

    def add(self, order: ExchangeOrder) -> None:
        """Let an order wait for the next open, or, a stop placed while the range is walked, for the rest of it."""
        self._queues[order.instrument.key].add(order, self.stage == RANGE)

    def restore(self, order: ExchangeOrder) -> None:
        """Let an order of before wait where it waited."""
        is_fresh = self.stage == RANGE and order.placed_stage == RANGE and order.placed_ns >= self.time_ns
        self._queues[order.instrument.key].add(order, is_fresh)

    def remove(self, order: ExchangeOrder) -> None:
        """Let an order wait no longer."""
        self._queues[order.instrument.key].remove(order)

    def change(self, order: ExchangeOrder, keeps_place: bool) -> None:
        """Change an order in its place, or send it to the end."""
        if keeps_place:
            self._queues[order.instrument.key].rewrite(order)
        else:
            self.remove(order)
            self.add(order)

    def is_untouched(self, key: str, low: float, high: float) -> bool:
        """Tell whether a bar between these prices leaves all that waits for this instrument alone."""
        queue = self._queues[key]
        return not queue.orders or (low > queue.reach_low and high < queue.reach_high)

    async def open(self, key: str, bar: Row) -> None:
        """Play the open of one instrument's bar: orders at market, then what the open is already beyond."""
        queue = self._queues[key]
        due = [order for order in queue.orders if self._was_before(order)]
        at_market = [order for order in due if order.order_type is OrderType.MARKET]
        for order in at_market:
            self._fill(queue, order, float(bar.open))
        if at_market:
            await self._settle()
        while (index := pick_at_open(queue.rows, len(queue.orders), bar, self._touch)) >= 0:
            self._fill(queue, queue.orders[index], float(fills_at_open(queue.rows[index], bar, self._touch)))
            await self._settle()
        late = [order for order in due if order.validity is Validity.IOC and order.remaining]
        for order in late:
            self.desk.end(order, OrderStatus.CANCELLED, "The open did not reach its price; IOC orders do not wait.")
        if late:
            await self._settle()

    async def range(self, key: str, bar: Row) -> None:
        """Play the range of one instrument's bar: one fill at a time, the worse for the holder first."""
        queue = self._queues[key]
        while (index := pick_in_range(queue.rows, len(queue.orders), bar, self._touch)) >= 0:
            self._fill(queue, queue.orders[index], float(fills_in_range(queue.rows[index], bar, self._touch)))
            await self._settle()
        end_bar(queue.rows, len(queue.orders), bar)
        triggered = [order for order, is_hit in zip(queue.orders, queue.rows["is_triggered"], strict=False) if is_hit and order.is_waiting]
        for order in triggered:
            self.desk.trigger(order)
        queue.note_reach()
        if triggered:
            await self._settle()

    def _was_before(self, order: ExchangeOrder) -> bool:
        """Tell whether an order was there when this step's open began; what comes during it waits for the next one."""
        return (order.placed_ns, order.placed_stage) < (self.time_ns, OPEN)

    def _fill(self, queue: BarQueue, order: ExchangeOrder, price: float) -> None:
        queue.remove(order)
        self.desk.fill(order, order.remaining, price, self.time_ns)

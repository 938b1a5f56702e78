"""Where orders meet bars: each rests until a bar's open or range fills it, by the very functions the compiled replay uses.

Every fill is followed by a pause in which the session may protect, cancel and place; only then does the bar go on.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from engine.brokers.simulated.exchange import Exchange
from engine.brokers.simulated.orders import ExchangeOrder
from engine.core.friction import Friction
from engine.core.matching import (
    LIMIT,
    MARKET,
    RESTING,
    STOP,
    STOP_LIMIT,
    begin_bar,
    end_bar,
    fills_at_open,
    fills_in_range,
    lane_rows,
    pick_at_open,
    pick_in_range,
    remove,
    take,
)
from engine.core.model import Instrument, OrderStatus, OrderType, Side, Validity
from engine.core.records import Row, Rows

DECIDE, OPEN, RANGE = 0, 1, 2
"""The stages of a step, in their order: what was decided at its time, its open, its range."""

Settle = Callable[[], Awaitable[None]]
Passed = Callable[[Instrument, int], int]

NO_BAND = (-math.inf, math.inf)
"""Lowest and highest price of a day on which any price may be traded at."""

_KINDS = {OrderType.MARKET: MARKET, OrderType.LIMIT: LIMIT, OrderType.SL_M: STOP, OrderType.SL: STOP_LIMIT}


class BarQueue:
    """The orders that rest in one instrument, in placing order."""

    def __init__(self, lane: Row) -> None:
        """`lane` is a LANE record: how the instrument trades."""
        self.lane = lane
        self.begun_ns = 0
        """The bar that the lane is in."""
        self.orders: list[ExchangeOrder] = []
        self.rows: Rows = np.zeros(8, dtype=RESTING)
        """`rows[i]` is what the law of matching sees of `orders[i]`."""
        self.reach_low, self.reach_high = -math.inf, math.inf
        """A bar that stays between these two prices changes nothing here."""

    def add(self, order: ExchangeOrder, is_fresh: bool, wait: int = 0) -> None:
        """Put an order at the end; it comes to the market after `wait` bars."""
        count = len(self.orders)
        if count == len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros(count, dtype=RESTING)])
        self.orders.append(order)
        self._write(count, order, is_fresh, wait)
        self.note_reach()

    def rewrite(self, order: ExchangeOrder) -> None:
        """Take note of a change that leaves an order in its place."""
        index = self.orders.index(order)
        self._write(index, order, bool(self.rows[index].is_fresh), int(self.rows[index].wait))
        self.note_reach()

    def remove(self, order: ExchangeOrder) -> int:
        """Take an order out, if it is here; returns how many bars it was away from the market."""
        if order not in self.orders:
            return 0
        index = self.orders.index(order)
        wait = int(self.rows[index].wait)
        remove(self.rows, len(self.orders), index)
        del self.orders[index]
        self.note_reach()
        return wait

    def wait(self, order: ExchangeOrder) -> int:
        """Return how many bars an order is away from the market."""
        return int(self.rows[self.orders.index(order)].wait)

    def note_reach(self) -> None:
        """Find which prices a bar must touch before it is worth looking at the orders one by one."""
        self.reach_low, self.reach_high = -math.inf, math.inf
        is_new = (self.rows["is_fresh"] + self.rows["wait"])[: len(self.orders)]
        for order, is_looked_at in zip(self.orders, is_new, strict=True):
            price = order.trigger_price if order.is_waiting else order.price
            if price is None or is_looked_at or order.validity is Validity.IOC:
                self.reach_low = math.inf
            elif order.is_waiting == (order.side is Side.BUY):
                self.reach_high = min(self.reach_high, price)
            else:
                self.reach_low = max(self.reach_low, price)

    def _write(self, index: int, order: ExchangeOrder, is_fresh: bool, wait: int) -> None:
        price = order.price if order.price is not None else math.nan
        trigger = order.trigger_price if order.trigger_price is not None else math.nan
        quantity = order.side * order.remaining
        kind = _KINDS[order.order_type]
        self.rows[index] = (
            order.number, quantity, price, trigger, wait, order.filled, 0, 0, 0, kind, order.is_triggered, is_fresh, 0
        )  # fmt: skip


class BarVenue:
    """The queues of all instruments of a replay, and the order of a bar."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        touch: bool,
        settle: Settle,
        *,
        friction: Friction | None = None,
        passed: Passed | None = None,
    ) -> None:
        """`touch`: a limit fills when its price is reached, not only when it is gone through. `settle` is the pause after a fill.

        `passed` says how many bars of an instrument were played since a time: by it orders of before a restart know how near they are.
        """
        self.stage = DECIDE
        self.time_ns = 0
        """The step that is being played."""
        self._friction = friction or Friction()
        self._passed = passed
        self._settle = settle
        ticks, lots = np.array([float(i.tick_size) for i in instruments]), np.array([i.lot_size for i in instruments])
        freezes = np.array([i.freeze_quantity for i in instruments])
        lanes = lane_rows(ticks, lots, self._friction, touch=touch, freezes=freezes)
        self._queues = {instrument.key: BarQueue(lane) for instrument, lane in zip(instruments, lanes, strict=True)}
        self._desk: Exchange | None = None
        self._is_restored = False

    @property
    def delay_bars(self) -> int:
        """What is decided at the close of a bar takes its time to the market; what answers a fill does not."""
        return self._friction.latency_bars if self.stage == DECIDE else 0

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
        self._queues[order.instrument.key].add(order, self.stage == RANGE, order.delay_bars)

    def restore(self, order: ExchangeOrder) -> None:
        """Let an order of before wait where it waited."""
        self._is_restored = True
        is_fresh = self.stage == RANGE and order.placed_stage == RANGE and order.placed_ns >= self.time_ns
        passed = self._passed(order.instrument, order.created_ns) if self._passed is not None and order.delay_bars else 0
        self._queues[order.instrument.key].add(order, is_fresh, max(0, order.delay_bars - passed))

    def remove(self, order: ExchangeOrder) -> None:
        """Let an order wait no longer."""
        self._queues[order.instrument.key].remove(order)

    def change(self, order: ExchangeOrder, keeps_place: bool) -> None:
        """Change an order in its place, or send it to the end."""
        if keeps_place:
            self._queues[order.instrument.key].rewrite(order)
        else:
            queue = self._queues[order.instrument.key]
            queue.add(order, self.stage == RANGE, queue.remove(order))

    def is_untouched(self, key: str, low: float, high: float) -> bool:
        """Tell whether a bar between these prices leaves all that waits for this instrument alone."""
        queue = self._queues[key]
        return not queue.orders or (low > queue.reach_low and high < queue.reach_high)

    async def open(self, key: str, bar: Row, band: tuple[float, float] = NO_BAND) -> None:
        """Play the open of one instrument's bar: orders at market, then what the open is already beyond.

        `band` are the lowest and the highest price of that day.
        """
        queue = self._queues[key]
        self._begin(queue, key, bar, band)
        due = [order for order in queue.orders if self._was_before(order)]
        is_filled = [self._fill_at_open(queue, order, bar) for order in due if order.order_type is OrderType.MARKET]
        if any(is_filled):
            await self._settle()
        while (index := pick_at_open(queue.rows, len(queue.orders), bar, queue.lane)) >= 0:
            self._fill(queue, index, float(fills_at_open(queue.rows[index], bar, queue.lane)))
            await self._settle()
        late = [order for order in due if order.validity is Validity.IOC and order.remaining and not queue.wait(order)]
        for order in late:
            self.desk.end(order, OrderStatus.CANCELLED, "The open did not fill all of it; IOC orders do not wait.")
        if late:
            await self._settle()

    async def range(self, key: str, bar: Row, band: tuple[float, float] = NO_BAND) -> None:
        """Play the range of one instrument's bar: one fill at a time, the worse for the holder first."""
        queue = self._queues[key]
        self._begin(queue, key, bar, band)
        while (index := pick_in_range(queue.rows, len(queue.orders), bar, queue.lane)) >= 0:
            self._fill(queue, index, float(fills_in_range(queue.rows[index], bar, queue.lane)))
            await self._settle()
        end_bar(queue.rows, len(queue.orders), bar)
        triggered = [order for order, is_hit in zip(queue.orders, queue.rows["is_triggered"], strict=False) if is_hit and order.is_waiting]
        for order in triggered:
            self.desk.trigger(order)
        queue.note_reach()
        if triggered:
            await self._settle()

    def _begin(self, queue: BarQueue, key: str, bar: Row, band: tuple[float, float]) -> None:
        """Begin a bar, unless its open was played already; what was traded of it before a restart is taken off its volume."""
        if queue.begun_ns == self.time_ns:
            return
        queue.begun_ns = self.time_ns
        queue.lane.band_low, queue.lane.band_high = band
        begin_bar(queue.lane, bar)
        if self._is_restored:
            for fill in self.desk.traded(key, self.time_ns):
                queue.lane.room -= fill.quantity
                queue.lane.last = fill.price

    def _was_before(self, order: ExchangeOrder) -> bool:
        """Tell whether an order was there when this step's open began; what comes during it waits for the next one."""
        return (order.placed_ns, order.placed_stage) < (self.time_ns, OPEN)

    def _fill_at_open(self, queue: BarQueue, order: ExchangeOrder, bar: Row) -> bool:
        """Fill an order at market, slice after slice, as far as the bar has volume; tells whether anything was filled."""
        filled = order.filled
        while order in queue.orders:
            index = queue.orders.index(order)
            price = float(fills_at_open(queue.rows[index], bar, queue.lane))
            if math.isnan(price):
                break
            self._fill(queue, index, price)
        return order.filled > filled

    def _fill(self, queue: BarQueue, index: int, price: float) -> None:
        """Trade what the bar has left of an order; the rest of it keeps its place."""
        order = queue.orders[index]
        quantity = abs(take(queue.rows[index], price, queue.lane))
        if quantity == order.remaining:
            queue.remove(order)
        self.desk.fill(order, quantity, price, self.time_ns)
        queue.note_reach()

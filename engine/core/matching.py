"""At what price a resting order fills inside one bar, how much of it, and which order goes first when several could.

One bar tells open, high, low and close but not the way between them, so the worse for the holder is taken to come first. A step of
the market goes, per instrument: `begin_bar`; all MARKET orders at the open; then what the open is already beyond, stops before limits
(`pick_at_open`); then what the range reaches, one at a time (`pick_in_range`); at last `end_bar`. After every fill, told by
`take`, the driver lets protective orders be placed or cancelled before it picks again. Orders placed at the open (outside the range)
have `is_fresh` 0, those placed while the range is walked 1: a fresh stop may fill in the same bar, a fresh limit waits for the next
open. What a bar's volume leaves over of an order goes on in the next bar, of a stop as an order at market.

The compiled replay and the simulated exchange both use exactly these functions.
"""

from __future__ import annotations

import math

import numpy as np

from engine.core.compiled import compiled, record_type
from engine.core.friction import FRICTION, UNLIMITED, Friction, taker_price, tradable
from engine.core.records import Row, Rows, record

MARKET, LIMIT, STOP, STOP_LIMIT = 0, 1, 2, 3
"""Kinds of resting order; a STOP that was triggered is a MARKET in all but name, a triggered STOP_LIMIT a LIMIT."""

RESTING = record(
    ("id", "i8"),  # the driver's own number for the order
    ("quantity", "i8"),  # signed, still to be filled
    ("price", "f8"),  # of LIMIT and STOP_LIMIT, on the tick grid
    ("trigger", "f8"),  # of STOP and STOP_LIMIT, on the tick grid
    ("wait", "i8"),  # bars that go by before it has come to the market
    ("filled", "i8"),  # quantity filled so far
    ("value", "i8"),  # the replay's own: the money of it, of the present slice of it, and what that slice was charged; units
    ("slice_value", "i8"),
    ("slice_charges", "i8"),
    ("kind", "i1"),
    ("is_triggered", "i1"),  # a stop whose trigger was reached and that is not filled, or not in full
    ("is_fresh", "i1"),  # placed while the range of the present bar was walked
    ("reason", "i1"),  # why it was placed: ENTRY ... REVERSAL of `records`
)
"""One order that rests in the market. Rows of an array lie in placing order and belong to one instrument."""

LANE = record(
    ("friction", FRICTION),
    ("tick", "f8"),
    ("lot", "i8"),
    ("freeze", "i8"),  # the exchange takes no more in one order: a larger one is sent, filled and charged in slices of it
    ("band_low", "f8"),  # no trade below, at present
    ("band_high", "f8"),
    ("last", "f8"),  # where the present bar last was, as far as it is known: its open, or the last fill
    ("room", "i8"),  # quantity that may still be traded in the present bar
    ("touch", "i1"),  # a limit fills when its price is reached, not only when it is traded through
)
"""How one instrument trades, and what the present bar has left."""

record_type("RESTING", RESTING)
record_type("LANE", LANE)


def lane_rows(ticks: Rows, lots: Rows, friction: Friction | None = None, *, touch: bool = False, freezes: Rows | None = None) -> Rows:
    """Make LANE rows, one an instrument, of their tick sizes (rupees), lots and freeze quantities (0 or None = none)."""
    rows: Rows = np.zeros(len(ticks), LANE)
    rows["tick"], rows["lot"], rows["touch"] = ticks, lots, touch
    rows["freeze"] = UNLIMITED if freezes is None else np.where(freezes > 0, freezes, UNLIMITED)
    rows["friction"] = (friction or Friction()).row()
    rows["band_low"], rows["band_high"], rows["room"] = -math.inf, math.inf, UNLIMITED
    return rows


@compiled("void(LANE, BAR)")
def begin_bar(lane: Row, bar: Row) -> None:
    """Begin a bar: nothing of its volume is traded yet."""
    lane.last = bar.open
    lane.room = tradable(bar.volume, lane.lot, lane.friction)


@compiled("b1(i8, f8, f8)")
def is_beyond(side: int, price: float, trigger: float) -> bool:
    """Tell whether a price has reached the trigger of a stop; the side's sign is that of the quantity."""
    return price >= trigger if side > 0 else price <= trigger


@compiled("b1(i8, f8, f8, b1)")
def is_better(side: int, price: float, limit: float, touch: bool) -> bool:
    """Tell whether a trade at a price fills a limit: it must go through it, or with `touch` reach it."""
    if touch and price == limit:
        return True
    return price < limit if side > 0 else price > limit


@compiled("b1(RESTING, BAR, LANE)")
def can_trade(order: Row, bar: Row, lane: Row) -> bool:
    """Tell whether an order can trade in the present bar at all: it has come to the market, and somebody takes the other side.

    Nobody does once the volume is used up, nor where the whole bar stands at the limit of the day: at the highest price nobody
    sells, at the lowest nobody buys.
    """
    if order.wait > 0 or lane.room <= 0:
        return False
    return bool(bar.low < lane.band_high if order.quantity > 0 else bar.high > lane.band_low)


@compiled("f8(f8, LANE)")
def _allowed(price: float, lane: Row) -> float:
    """Return the price, or NaN where the exchange trades at no such price on that day."""
    return price if lane.band_low <= price <= lane.band_high else math.nan


@compiled("f8(RESTING, f8, LANE)")
def _taken(order: Row, price: float, lane: Row) -> float:
    """Return what the taker pays where the market stands at a price: no worse than the day's limit, or its own; NaN beyond the day's."""
    if math.isnan(_allowed(price, lane)):
        return math.nan
    side = order.quantity
    paid = taker_price(price, side, lane.tick, lane.friction)
    worst = lane.band_high if side > 0 else lane.band_low
    if order.kind == STOP_LIMIT:
        worst = min(worst, order.price) if side > 0 else max(worst, order.price)
    return float(min(paid, worst) if side > 0 else max(paid, worst))


@compiled("f8(RESTING, BAR, LANE)")
def fills_at_open(order: Row, bar: Row, lane: Row) -> float:
    """Return the price at which an order fills at the bar's open, or NaN."""
    side = order.quantity
    if not can_trade(order, bar, lane):
        return math.nan
    if order.kind == MARKET:
        return _taken(order, bar.open, lane)
    is_armed = order.kind != LIMIT and order.is_triggered == 0
    if is_armed and not is_beyond(side, bar.open, order.trigger):
        return math.nan
    if order.kind == STOP:
        return _taken(order, bar.open, lane)
    if not is_better(side, bar.open, order.price, lane.touch != 0):
        return math.nan
    return _taken(order, bar.open, lane) if is_armed else _allowed(bar.open, lane)


@compiled("f8(RESTING, BAR, LANE)")
def fills_in_range(order: Row, bar: Row, lane: Row) -> float:
    """Return the price at which an order fills between the bar's low and high, or NaN.

    A stop fills at its trigger, or where the market stood already beyond it: at the open, or for one placed in this range where the
    fill was that called for it. A limit fills at its price, or at the open when that is better. A stop-limit triggered on the way
    fills at its trigger if its limit allows; otherwise it rests as a limit from the next bar on, for what of the range came after the
    trigger is not known. Takers pay slippage and spread besides.
    """
    side, is_plain = order.quantity, order.kind == LIMIT or order.is_triggered != 0
    if order.kind == MARKET or (is_plain and order.kind == STOP) or not can_trade(order, bar, lane):
        return math.nan
    if is_plain:
        return _limit_in_range(order, bar, lane)
    if not is_beyond(side, bar.high if side > 0 else bar.low, order.trigger):
        return math.nan
    begins = lane.last if order.is_fresh != 0 else bar.open
    is_gap = is_beyond(side, begins, order.trigger)
    at = float(begins if is_gap else order.trigger)
    if order.kind == STOP or is_better(side, at, order.price, lane.touch != 0):
        return _taken(order, at, lane)
    return _limit_in_range(order, bar, lane) if is_gap else math.nan


@compiled("f8(RESTING, BAR, LANE)")
def _limit_in_range(order: Row, bar: Row, lane: Row) -> float:
    side = order.quantity
    if order.is_fresh != 0 or not is_better(side, bar.low if side > 0 else bar.high, order.price, lane.touch != 0):
        return math.nan
    return _allowed(bar.open if is_better(side, bar.open, order.price, False) else order.price, lane)


@compiled("b1(RESTING)")
def is_stop(order: Row) -> bool:
    """Tell whether an order is a stop that is not a limit yet."""
    return bool(order.kind == STOP or (order.kind == STOP_LIMIT and order.is_triggered == 0))


@compiled("i8(RESTING[:], i8, BAR, LANE)")
def pick_at_open(orders: Rows, count: int, bar: Row, lane: Row) -> int:
    """Return the index of the order that the open is already beyond and that goes next, or -1: stops before limits, then placing order.

    MARKET orders are not looked at.
    """
    limit = -1
    for index in range(count):
        order = orders[index]
        if order.kind == MARKET or math.isnan(fills_at_open(order, bar, lane)):
            continue
        if is_stop(order):
            return index
        if limit < 0:
            limit = index
    return limit


@compiled("i8(RESTING[:], i8, BAR, LANE)")
def pick_in_range(orders: Rows, count: int, bar: Row, lane: Row) -> int:
    """Return the index of the order that fills next inside the range, or -1: stops before limits, then placing order."""
    limit = -1
    for index in range(count):
        order = orders[index]
        if math.isnan(fills_in_range(order, bar, lane)):
            continue
        if is_stop(order):
            return index
        if limit < 0:
            limit = index
    return limit


@compiled("i8(RESTING, f8, LANE)")
def take(order: Row, price: float, lane: Row) -> int:
    """Trade as much of an order's present slice as the bar has left, at a price, and return that (signed); the rest goes on as it is."""
    size = min(abs(order.quantity), lane.room)
    if lane.freeze < UNLIMITED:
        size = min(size, lane.freeze - order.filled % lane.freeze)
    quantity = size if order.quantity > 0 else -size
    order.quantity -= quantity
    order.filled += size
    lane.room -= size
    lane.last = price
    if lane.room == 0:
        # Of a stop the rest is an order at market; its next slice would be triggered at the same price.
        order.is_triggered = 1
    return int(quantity)


@compiled("i8(RESTING[:], i8, i8)")
def remove(orders: Rows, count: int, index: int) -> int:
    """Take out one of `count` orders, keeping the placing order of the rest; returns how many are left."""
    for later in range(index + 1, count):
        orders[later - 1] = orders[later]
    return count - 1


@compiled("void(RESTING[:], i8, BAR)")
def end_bar(orders: Rows, count: int, bar: Row) -> None:
    """End a bar: note which stops it has triggered, that nothing is fresh any more, and that what is on its way has come nearer."""
    for index in range(count):
        order = orders[index]
        side = order.quantity
        order.is_fresh = 0
        if order.wait > 0:
            order.wait -= 1
        elif order.kind in (STOP, STOP_LIMIT) and is_beyond(side, bar.high if side > 0 else bar.low, order.trigger):
            order.is_triggered = 1

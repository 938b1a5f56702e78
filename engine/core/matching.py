"""At what price a resting order fills inside one bar, and which order goes first when several could.

One bar tells open, high, low and close but not the way between them, so the worse for the holder is taken to come first. A step of
the market goes, per instrument: all MARKET orders at the open; then, in placing order, what the open is already beyond
(`pick_at_open`); then what the range reaches, one at a time (`pick_in_range`); at last `end_bar`. After every fill the driver lets
protective orders be placed or cancelled before it picks again. Orders placed at the open (outside the range) have `is_fresh` 0,
those placed while the range is walked 1: a fresh stop may fill in the same bar, a fresh limit waits for the next open.

The compiled replay and the simulated exchange both use exactly these functions.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, Rows, record

MARKET, LIMIT, STOP, STOP_LIMIT = 0, 1, 2, 3
"""Kinds of resting order; a STOP_LIMIT that was triggered is a LIMIT in all but name."""

RESTING = record(
    ("id", "i8"),  # the driver's own number for the order
    ("quantity", "i8"),  # signed, still to be filled
    ("price", "f8"),  # of LIMIT and STOP_LIMIT, on the tick grid
    ("trigger", "f8"),  # of STOP and STOP_LIMIT, on the tick grid
    ("kind", "i1"),
    ("is_triggered", "i1"),  # a STOP_LIMIT whose trigger was reached in an earlier bar
    ("is_fresh", "i1"),  # placed while the range of the present bar was walked
    ("reason", "i1"),  # why it was placed: ENTRY ... REVERSAL of `records`
)
"""One order that rests in the market. Rows of an array lie in placing order and belong to one instrument."""

record_type("RESTING", RESTING)


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


@compiled("f8(RESTING, BAR, b1)")
def fills_at_open(order: Row, bar: Row, touch: bool) -> float:
    """Return the price at which an order fills at the bar's open, or NaN."""
    side = order.quantity
    if order.kind == MARKET:
        return float(bar.open)
    if order.kind != LIMIT and order.is_triggered == 0 and not is_beyond(side, bar.open, order.trigger):
        return math.nan
    if order.kind == STOP or is_better(side, bar.open, order.price, touch):
        return float(bar.open)
    return math.nan


@compiled("f8(RESTING, BAR, b1)")
def fills_in_range(order: Row, bar: Row, touch: bool) -> float:
    """Return the price at which an order fills between the bar's low and high, or NaN.

    A stop fills at its trigger, or at the open when that is beyond it; a limit at its price, or at the open when that is better. A
    stop-limit triggered on the way fills at its trigger if its limit allows; otherwise it rests as a limit from the next bar on,
    for what of the range came after the trigger is not known.
    """
    side = order.quantity
    if order.kind == MARKET:
        return math.nan
    if order.kind == LIMIT or order.is_triggered != 0:
        return _limit_in_range(order, bar, touch)
    if not is_beyond(side, bar.high if side > 0 else bar.low, order.trigger):
        return math.nan
    is_gap = is_beyond(side, bar.open, order.trigger)
    at = float(bar.open if is_gap else order.trigger)
    if order.kind == STOP or is_better(side, at, order.price, touch):
        return at
    return _limit_in_range(order, bar, touch) if is_gap else math.nan


@compiled("f8(RESTING, BAR, b1)")
def _limit_in_range(order: Row, bar: Row, touch: bool) -> float:
    side = order.quantity
    if order.is_fresh != 0 or not is_better(side, bar.low if side > 0 else bar.high, order.price, touch):
        return math.nan
    return float(bar.open if is_better(side, bar.open, order.price, False) else order.price)


@compiled("i8(RESTING[:], i8, BAR, b1)")
def pick_at_open(orders: Rows, count: int, bar: Row, touch: bool) -> int:
    """Return the index of the first of `count` orders that the open is already beyond, or -1; MARKET orders are not looked at."""
    for index in range(count):
        if orders[index].kind != MARKET and not math.isnan(fills_at_open(orders[index], bar, touch)):
            return index
    return -1


@compiled("i8(RESTING[:], i8, BAR, b1)")
def pick_in_range(orders: Rows, count: int, bar: Row, touch: bool) -> int:
    """Return the index of the order that fills next inside the range, or -1: stops before limits, then placing order."""
    limit = -1
    for index in range(count):
        order = orders[index]
        if math.isnan(fills_in_range(order, bar, touch)):
            continue
        if order.kind != LIMIT and order.is_triggered == 0:
            return index
        if limit < 0:
            limit = index
    return limit


@compiled("i8(RESTING[:], i8, i8)")
def remove(orders: Rows, count: int, index: int) -> int:
    """Take out one of `count` orders, keeping the placing order of the rest; returns how many are left."""
    for later in range(index + 1, count):
        orders[later - 1] = orders[later]
    return count - 1


@compiled("void(RESTING[:], i8, BAR)")
def end_bar(orders: Rows, count: int, bar: Row) -> None:
    """Note which stop-limits the bar triggered, and that what was placed during its range is fresh no longer."""
    for index in range(count):
        order = orders[index]
        side = order.quantity
        order.is_fresh = 0
        if order.kind == STOP_LIMIT and is_beyond(side, bar.high if side > 0 else bar.low, order.trigger):
            order.is_triggered = 1

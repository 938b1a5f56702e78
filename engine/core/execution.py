"""What a fill does to one instrument of a replay: its position, its cash, and the protection that rests for it.

The rows are those of `legs`. Everything here also runs as plain Python, bar by bar, with the same result.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled
from engine.core.costs import order_charges
from engine.core.friction import UNLIMITED
from engine.core.grid import price_units, to_tick
from engine.core.kelly import note_fill
from engine.core.ledger import apply_fill
from engine.core.legs import add_order, cancel_own, is_own, note_reach
from engine.core.limits import SLICES
from engine.core.matching import (
    LIMIT,
    MARKET,
    begin_bar,
    end_bar,
    fills_at_open,
    fills_in_range,
    pick_at_open,
    pick_in_range,
    remove,
    take,
)
from engine.core.matching import STOP as STOP_ORDER
from engine.core.records import EXIT, SQUARE_OFF, STOP, TARGET, TRAIL, Row, Rows
from engine.core.sizing import KELLY


@compiled("void(LEG, RESTING[:], i8, i8, f8, i1, i1)")
def _requeue(leg: Row, orders: Rows, index: int, quantity: int, price: float, reason: int, is_fresh: int) -> None:
    """Change a protective order at the cost of its place in the queue; what has filled of it, and its way to the market, stay."""
    old = orders[index]
    kind, is_triggered, wait, filled = old.kind, old.is_triggered, old.wait, old.filled
    value, slice_value, slice_charges = old.value, old.slice_value, old.slice_charges
    leg.count = remove(orders, leg.count, index)
    add_order(leg, orders, kind, quantity, price, price, reason, is_fresh, wait)
    made = orders[leg.count - 1]
    made.is_triggered = is_triggered
    made.filled = filled
    made.value = value
    made.slice_value = slice_value
    made.slice_charges = slice_charges


@compiled("void(LEG, RESTING[:], i1, i8, f8, i1, i1, i8)")
def _keep(leg: Row, orders: Rows, kind: int, quantity: int, price: float, reason: int, is_fresh: int, wait: int) -> None:
    index = leg.count - 1
    while index >= 0 and (is_own(orders[index].reason) or orders[index].kind != kind):
        index -= 1
    is_wanted = quantity != 0 and not math.isnan(price) and abs(quantity) <= SLICES * leg.lane.freeze
    if index < 0:
        if is_wanted:
            add_order(leg, orders, kind, quantity, price, price, reason, is_fresh, wait)
        return
    order = orders[index]
    if not is_wanted or (order.quantity > 0) != (quantity > 0):
        leg.count = remove(orders, leg.count, index)
        if is_wanted:
            add_order(leg, orders, kind, quantity, price, price, reason, is_fresh, wait)
        return
    # A stop that was triggered is an order at market now: its trigger means nothing any more.
    if order.filled + abs(order.quantity) <= leg.lane.freeze < order.filled + abs(quantity):
        # What was one order, with what has filled of it, is to be several now: they are placed anew.
        leg.count = remove(orders, leg.count, index)
        add_order(leg, orders, kind, quantity, price, price, reason, is_fresh, wait)
        return
    is_same_price = order.price == price or (kind == STOP_ORDER and order.is_triggered != 0)
    if is_same_price and abs(quantity) <= abs(order.quantity):
        order.quantity = quantity
        order.reason = reason
    else:
        # Another price or a larger quantity goes to the end of the queue, as at the exchange.
        _requeue(leg, orders, index, quantity, order.price if is_same_price else price, reason, is_fresh)


@compiled("void(LEG, RESTING[:], i1, i8)")
def protect(leg: Row, orders: Rows, is_fresh: int, wait: int) -> None:
    """Let stop and target rest for exactly what is held; what rests already is modified, what is not wanted any more goes."""
    if leg.count == 0 and math.isnan(leg.stop) and math.isnan(leg.profit):
        return
    quantity = -leg.position.quantity
    _keep(leg, orders, STOP_ORDER, quantity, leg.stop, TRAIL if leg.is_trailed != 0 else STOP, is_fresh, wait)
    _keep(leg, orders, LIMIT, quantity, leg.profit, TARGET, is_fresh, wait)


@compiled("void(LEG, RESTING[:])")
def _trim_square_off(leg: Row, orders: Rows) -> None:
    """Let a square-off that is on its way close what is held and no more."""
    held, left = leg.position.quantity, 0
    for index in range(leg.count - 1, -1, -1):
        if orders[index].reason == SQUARE_OFF:
            if held == 0:
                leg.count = remove(orders, leg.count, index)
            else:
                orders[index].quantity = -held
                left += 1
    leg.is_closing = left


@compiled("void(LEG)")
def forget_protection(leg: Row) -> None:
    """Forget stop, target and trail: what they protected is gone."""
    leg.stop = math.nan
    leg.profit = math.nan
    leg.trail = math.nan
    leg.is_trailed = 0


@compiled("void(LEG, f8)")
def trail_to(leg: Row, price: float) -> None:
    """Draw the stop after the price, `trail` behind it, never back."""
    is_long = leg.position.quantity > 0
    stop = to_tick(price - leg.trail if is_long else price + leg.trail, leg.lane.tick)
    if math.isnan(leg.stop) or (stop > leg.stop if is_long else stop < leg.stop):
        leg.stop = stop
        leg.is_trailed = 1


@compiled("void(LEG, i8, i8)")
def _adopt(leg: Row, filled: int, value: int) -> None:
    """Take over, once, the protection that the strategy's own order brought; it has filled that quantity for that value in units."""
    if not math.isnan(leg.next_stop):
        leg.stop = leg.next_stop
        leg.is_trailed = 0
    if not math.isnan(leg.next_profit):
        leg.profit = leg.next_profit
    if not math.isnan(leg.next_trail):
        leg.trail = leg.next_trail
        trail_to(leg, value / filled / 10_000.0)
    leg.next_stop = math.nan
    leg.next_profit = math.nan
    leg.next_trail = math.nan


@compiled("void(LEG, RESTING[:], i8, i1, i1, i8, i8, i8)")
def settle(leg: Row, orders: Rows, quantity: int, reason: int, is_fresh: int, before: int, filled: int, value: int) -> None:
    """Do what the session does after a fill (signed) that changed the position from `before`: protection matches what is held.

    `filled` and `value` (units) are of the whole order so far.

    The strategy's own order brings its protection with it, as soon as the position is on the side that it leads to; what it does not
    bring stays. After a fill of a stop, a target or a square-off whatever else the strategy has working goes: it was meant for the
    position as it was.
    """
    held = leg.position.quantity
    if is_own(reason):
        if held * before <= 0:
            forget_protection(leg)
        if held != 0 and (reason == EXIT) == ((held > 0) != (quantity > 0)):
            _adopt(leg, filled, value)
    else:
        cancel_own(leg, orders)
        if held == 0:
            forget_protection(leg)
        _trim_square_off(leg, orders)
    protect(leg, orders, is_fresh, 0)


@compiled("void(ACCOUNT, LEG, RESTING, i8, i8, i8, RATES, FILL[:])")
def write_fill(account: Row, leg: Row, order: Row, quantity: int, time_ns: int, units: int, rates: Row, fills: Rows) -> None:
    """Take a fill of an order (signed, price in units) into position and cash, and write its FILL.

    Charges are those of the order, or of the present slice of it, on all that has filled; the fill carries the increment.
    """
    position, value = leg.position, quantity * units
    if leg.lane.freeze < UNLIMITED and (order.filled - abs(quantity)) % leg.lane.freeze == 0:
        order.slice_value = 0
        order.slice_charges = 0
    order.value += abs(value)
    order.slice_value += abs(value)
    charges = 0
    if leg.is_charged != 0:
        total = order_charges(rates, quantity, order.filled, order.slice_value * leg.multiplier)
        charges, order.slice_charges = total - order.slice_charges, total
    held = position.quantity
    realised = apply_fill(position, quantity, units, leg.multiplier)
    if leg.sizing.mode == KELLY:
        note_fill(leg.tally, held, quantity, realised, charges)
    account.realised += realised
    position.charges += charges
    account.charges += charges
    account.cash -= value * leg.multiplier + charges
    row = fills[account.fills]
    row.time_ns = time_ns
    row.instrument = position.instrument
    row.quantity = quantity
    row.price = units
    row.charges = charges
    row.reason = order.reason
    account.fills += 1


@compiled("void(LEG, i8, i8)")
def note_due(leg: Row, before: int, time_ns: int) -> None:
    """Note when a position that a fill has opened or turned is to be left; what is flat waits for no time."""
    held = leg.position.quantity
    if held == 0:
        leg.due_ns = 0
    elif held * before <= 0:
        leg.due_ns = time_ns + leg.exit_after


@compiled("void(ACCOUNT, LEG, RESTING[:], i8, i8, f8, i1, RATES, FILL[:])")
def fill(account: Row, leg: Row, orders: Rows, index: int, time_ns: int, price: float, is_fresh: int, rates: Row, fills: Rows) -> None:
    """Fill as much of a resting order as the bar has left, at a price, write the FILL, and settle."""
    order, before = orders[index], leg.position.quantity
    quantity, reason = take(order, price, leg.lane), order.reason
    write_fill(account, leg, order, quantity, time_ns, price_units(price), rates, fills)
    if leg.exit_after != 0:
        note_due(leg, before, time_ns)
    filled, value, left = order.filled, order.value, abs(order.quantity)
    if is_own(reason):
        leg.reserved = leg.opened * left // (filled + left) if left > 0 else 0
    if left == 0:
        leg.count = remove(orders, leg.count, index)
        leg.is_entering = leg.is_entering if not is_own(reason) else 0
    settle(leg, orders, quantity, reason, is_fresh, before, filled, value)


@compiled("b1(LEG, BAR)")
def is_reached(leg: Row, bar: Row) -> bool:
    """Tell whether a bar may fill something that rests."""
    return bool(leg.count > 0 and (bar.low <= leg.reach_low or bar.high >= leg.reach_high))


@compiled("void(RUN, LEG, RESTING[:], BAR, RATES, FILL[:])")
def match_open(run: Row, leg: Row, orders: Rows, bar: Row, rates: Row, fills: Rows) -> None:
    """Begin a bar and fill what its open fills: orders at market, then what the open is beyond, in placing order."""
    account, lane, time_ns = run.account, leg.lane, bar.time_ns
    begin_bar(lane, bar)
    index = 0
    while index < leg.count:
        if orders[index].kind == MARKET and not math.isnan(fills_at_open(orders[index], bar, lane)):
            fill(account, leg, orders, index, time_ns, fills_at_open(orders[index], bar, lane), 0, rates, fills)
            index = 0
        else:
            index += 1
    index = pick_at_open(orders, leg.count, bar, lane)
    while index >= 0:
        fill(account, leg, orders, index, time_ns, fills_at_open(orders[index], bar, lane), 0, rates, fills)
        index = pick_at_open(orders, leg.count, bar, lane)
    if leg.due_ns != 0:
        run.next_square = min(run.next_square, leg.due_ns)
    note_reach(leg, orders)


@compiled("void(RUN, LEG, RESTING[:], BAR, RATES, FILL[:])")
def match_range(run: Row, leg: Row, orders: Rows, bar: Row, rates: Row, fills: Rows) -> None:
    """Fill what a bar's range fills, one order at a time, the worse for the holder first."""
    account, lane, time_ns = run.account, leg.lane, bar.time_ns
    index = pick_in_range(orders, leg.count, bar, lane)
    while index >= 0:
        fill(account, leg, orders, index, time_ns, fills_in_range(orders[index], bar, lane), 1, rates, fills)
        index = pick_in_range(orders, leg.count, bar, lane)
    end_bar(orders, leg.count, bar)
    if leg.due_ns != 0:
        run.next_square = min(run.next_square, leg.due_ns)
    note_reach(leg, orders)

"""What a fill does to one instrument of a replay: its position, its cash, and the protection that rests for it.

A LEG is one instrument; its `orders` are RESTING rows in placing order, at most four: the strategy's own (or the square-off), a stop
and a target. Everything here also runs as plain Python, bar by bar, with the same result.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.costs import order_charges
from engine.core.grid import price_units, to_tick
from engine.core.ledger import apply_fill
from engine.core.limits import LIMITS
from engine.core.matching import LIMIT, MARKET, end_bar, fills_in_range, pick_at_open, pick_in_range, remove
from engine.core.matching import STOP as STOP_ORDER
from engine.core.records import ACCOUNT, BAR, ENTRY, EXIT, INTENT, POSITION, REVERSAL, STOP, TARGET, TRAIL, Row, Rows, record
from engine.core.sizing import SIZING

ROOM = 4
"""Orders that may rest for one leg at a time."""

LEG = record(
    ("position", POSITION),
    ("sizing", SIZING),
    ("window", BAR),  # the forming bar of the decision interval
    ("wish", INTENT),
    ("window_end", "i8"),  # when it ends; 0 = none is forming
    ("group", "i8"),  # of the SQUAREs that close it
    ("tick", "f8"),
    ("multiplier", "i8"),
    ("count", "i8"),  # orders that rest
    ("reach_low", "f8"),  # a bar that stays between these two prices fills nothing
    ("reach_high", "f8"),
    ("reserved", "i8"),  # units that the strategy's working order may take
    ("value", "i8"),  # signed market value at the last close
    ("held_target", "f8"),  # the target last acted on
    ("stop", "f8"),  # protection of what is held, on the grid; NaN = none
    ("profit", "f8"),
    ("trail", "f8"),
    ("next_stop", "f8"),  # protection that travels with the strategy's working order
    ("next_profit", "f8"),
    ("next_trail", "f8"),
    ("is_trailed", "i1"),  # the stop has come from trailing
    ("is_waiting", "i1"),  # the wish below waits until what the last one has working is cancelled
    ("is_closing", "i1"),  # a square-off is on its way
    ("is_squared", "i1"),  # square-off time has passed today: no new entries
    ("is_charged", "i1"),  # some rate is not zero
)

RUN = record(
    ("account", ACCOUNT),
    ("limits", LIMITS),
    ("intent", INTENT),
    ("touch", "i1"),  # a limit fills when its price is reached, not only when it is traded through
    ("is_stopped", "i1"),  # no new risk: 1 for the day (its loss), 2 for good (drawdown)
    ("fault", "i1"),  # why the strategy is not asked any more
    ("period", "i8"),  # which column of the rates holds
    ("from_ns", "i8"),  # where the data begin: a window that began before is not whole
    ("now_ns", "i8"),  # start of the bars of the present step
    ("day_end", "i8"),
    ("next_square", "i8"),
    ("next_end", "i8"),  # when the first of the forming windows ends
    ("squares", "i8"),  # how many of them have been
    ("base_ns", "i8"),
    ("interval_ns", "i8"),
    ("capital", "i8"),
    ("value", "i8"),  # of all legs
    ("steps", "i8"),
    ("decisions", "i8"),
    ("signals", "i8"),
    ("orders", "i8"),
    ("unsized", "i8"),
    ("fault_ns", "i8"),
    ("denied", "i8", (8,)),  # by the code of `limits`
)

SQUARE = record(("time_ns", "i8"), ("group", "i8"))
"""A moment at which the positions of a group of legs are squared off."""

record_type("LEG", LEG)
record_type("SQUARE", SQUARE)
record_type("RUN", RUN)


@compiled("b1(i1)")
def is_own(reason: int) -> bool:
    """Tell whether an order is the strategy's own wish, neither protection nor square-off."""
    return reason in (ENTRY, EXIT, REVERSAL)


@compiled("void(LEG, RESTING[:])")
def note_reach(leg: Row, orders: Rows) -> None:
    """Note which prices a bar must touch before it is worth looking at the orders one by one."""
    leg.reach_low = -math.inf
    leg.reach_high = math.inf
    for index in range(leg.count):
        order = orders[index]
        if order.kind == MARKET:
            leg.reach_low = math.inf
        elif (order.kind == LIMIT) == (order.quantity > 0):
            leg.reach_low = max(leg.reach_low, order.price)
        else:
            leg.reach_high = min(leg.reach_high, order.price)


@compiled("void(LEG, RESTING[:], i1, i8, f8, i1, i1)")
def add_order(leg: Row, orders: Rows, kind: int, quantity: int, price: float, reason: int, is_fresh: int) -> None:
    """Let one more order rest; `price` is the limit or the trigger, on the grid."""
    order = orders[leg.count]
    order.quantity = quantity
    order.price = price
    order.trigger = price
    order.kind = kind
    order.is_fresh = is_fresh
    order.reason = reason
    leg.count += 1


@compiled("i8(LEG, RESTING[:])")
def cancel_own(leg: Row, orders: Rows) -> int:
    """Take out what the strategy itself has working, and return how much that was; protection and square-off stay."""
    index, before = 0, leg.count
    while index < leg.count:
        if is_own(orders[index].reason):
            leg.count = remove(orders, leg.count, index)
        else:
            index += 1
    leg.reserved = 0
    return int(before - leg.count)


@compiled("void(LEG, RESTING[:], i1, i8, f8, i1, i1)")
def _keep(leg: Row, orders: Rows, kind: int, quantity: int, price: float, reason: int, is_fresh: int) -> None:
    index = leg.count - 1
    while index >= 0 and (is_own(orders[index].reason) or orders[index].kind != kind):
        index -= 1
    is_wanted = quantity != 0 and not math.isnan(price)
    if index >= 0:
        order = orders[index]
        is_same_side = (order.quantity > 0) == (quantity > 0)
        if is_wanted and is_same_side and order.price == price and abs(quantity) <= abs(order.quantity):
            order.quantity = quantity
            order.reason = reason
            return
        # Another price or a larger quantity goes to the end of the queue, as at the exchange.
        leg.count = remove(orders, leg.count, index)
    if is_wanted:
        add_order(leg, orders, kind, quantity, price, reason, is_fresh)


@compiled("void(LEG, RESTING[:], i1)")
def protect(leg: Row, orders: Rows, is_fresh: int) -> None:
    """Let stop and target rest for exactly what is held; what rests already is modified, what is not wanted any more goes."""
    if leg.count == 0 and math.isnan(leg.stop) and math.isnan(leg.profit):
        return
    quantity = -leg.position.quantity
    _keep(leg, orders, STOP_ORDER, quantity, leg.stop, TRAIL if leg.is_trailed != 0 else STOP, is_fresh)
    _keep(leg, orders, LIMIT, quantity, leg.profit, TARGET, is_fresh)


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
    stop = to_tick(price - leg.trail if is_long else price + leg.trail, leg.tick)
    if math.isnan(leg.stop) or (stop > leg.stop if is_long else stop < leg.stop):
        leg.stop = stop
        leg.is_trailed = 1


@compiled("void(LEG, RESTING[:], i8, f8)")
def _adopt(leg: Row, orders: Rows, before: int, price: float) -> None:
    leg.reserved = 0
    if leg.position.quantity * before <= 0:
        forget_protection(leg)
    if not math.isnan(leg.next_stop):
        leg.stop = leg.next_stop
        leg.is_trailed = 0
    if not math.isnan(leg.next_profit):
        leg.profit = leg.next_profit
    if not math.isnan(leg.next_trail):
        leg.trail = leg.next_trail
        trail_to(leg, price)


@compiled("void(LEG, RESTING[:], i1, i1, i8, f8)")
def settle(leg: Row, orders: Rows, reason: int, is_fresh: int, before: int, price: float) -> None:
    """Do what the session does after a fill that changed the position from `before`: protection matches what is held.

    The strategy's own order brings its protection with it, what it does not bring stays. After a stop, a target or a square-off
    nothing is held, and what else the strategy has working goes: it was meant for the position that is gone.
    """
    if is_own(reason):
        _adopt(leg, orders, before, price)
    else:
        cancel_own(leg, orders)
        forget_protection(leg)
        leg.is_closing = 0
    protect(leg, orders, is_fresh)


@compiled("void(ACCOUNT, LEG, RESTING[:], i8, i8, f8, i1, RATES, FILL[:])")
def fill(account: Row, leg: Row, orders: Rows, index: int, time_ns: int, price: float, is_fresh: int, rates: Row, fills: Rows) -> None:
    """Fill a resting order in full at a price, write the FILL, and settle."""
    position = leg.position
    quantity, reason, before = orders[index].quantity, orders[index].reason, position.quantity
    leg.count = remove(orders, leg.count, index)
    units = price_units(price)
    value = quantity * units * leg.multiplier
    charges = order_charges(rates, quantity, abs(quantity), abs(value)) if leg.is_charged != 0 else 0
    account.realised += apply_fill(position, quantity, units, leg.multiplier)
    position.charges += charges
    account.charges += charges
    account.cash -= value + charges
    row = fills[account.fills]
    row.time_ns = time_ns
    row.instrument = position.instrument
    row.quantity = quantity
    row.price = units
    row.charges = charges
    row.reason = reason
    account.fills += 1
    settle(leg, orders, reason, is_fresh, before, price)


@compiled("b1(LEG, BAR)")
def is_reached(leg: Row, bar: Row) -> bool:
    """Tell whether a bar may fill something that rests."""
    return bool(leg.count > 0 and (bar.low <= leg.reach_low or bar.high >= leg.reach_high))


@compiled("void(RUN, LEG, RESTING[:], BAR, RATES, FILL[:])")
def match_open(run: Row, leg: Row, orders: Rows, bar: Row, rates: Row, fills: Rows) -> None:
    """Fill what a bar's open fills: orders at market, then what the open is beyond, in placing order."""
    account, touch, time_ns = run.account, run.touch != 0, bar.time_ns
    index = 0
    while index < leg.count:
        if orders[index].kind == MARKET:
            fill(account, leg, orders, index, time_ns, bar.open, 0, rates, fills)
            index = 0
        else:
            index += 1
    index = pick_at_open(orders, leg.count, bar, touch)
    while index >= 0:
        fill(account, leg, orders, index, time_ns, bar.open, 0, rates, fills)
        index = pick_at_open(orders, leg.count, bar, touch)
    note_reach(leg, orders)


@compiled("void(RUN, LEG, RESTING[:], BAR, RATES, FILL[:])")
def match_range(run: Row, leg: Row, orders: Rows, bar: Row, rates: Row, fills: Rows) -> None:
    """Fill what a bar's range fills, one order at a time, the worse for the holder first."""
    account, touch, time_ns = run.account, run.touch != 0, bar.time_ns
    index = pick_in_range(orders, leg.count, bar, touch)
    while index >= 0:
        fill(account, leg, orders, index, time_ns, fills_in_range(orders[index], bar, touch), 1, rates, fills)
        index = pick_in_range(orders, leg.count, bar, touch)
    end_bar(orders, leg.count, bar)
    note_reach(leg, orders)

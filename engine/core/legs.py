"""One instrument of a replay: what it holds, what rests for it in the market, and what the run as a whole knows.

A LEG is one instrument; its `orders` are RESTING rows in placing order, at most four: the strategy's own (or the square-off), a stop
and a target. Rows and their lists only; what a fill or a wish does to them is told in `execution` and `decision`.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.kelly import TALLY
from engine.core.limits import CODES, LIMITS, SLICES
from engine.core.matching import LANE, LIMIT, MARKET, remove
from engine.core.matching import STOP as STOP_ORDER
from engine.core.records import ACCOUNT, BAR, ENTRY, EXIT, INTENT, POSITION, REVERSAL, Row, Rows, record
from engine.core.sizing import SIZING

ROOM = 4
"""Orders that may rest for one leg at a time."""

FILLS_A_BAR = ROOM * (SLICES + 1)
"""Fills that one bar of one leg may bring at most: each order slice by slice, and what its volume leaves over."""

LEG = record(
    ("position", POSITION),
    ("sizing", SIZING),
    ("lane", LANE),
    ("tally", TALLY),  # its closed trades, where the size of the next hangs on them
    ("window", BAR),  # the forming bar of the decision interval
    ("wish", INTENT),
    ("window_end", "i8"),  # when it ends; 0 = none is forming
    ("group", "i8"),  # of the SQUAREs that close it
    ("multiplier", "i8"),
    ("count", "i8"),  # orders that rest
    ("reach_low", "f8"),  # a bar that stays between these two prices fills nothing
    ("reach_high", "f8"),
    ("opened", "i8"),  # units that the whole of the strategy's working order binds
    ("reserved", "i8"),  # units that what is still to be filled of it binds
    ("value", "i8"),  # signed market value at the last close
    ("exit_after", "i8"),  # ns after which a position is left; 0 = at no time of its own
    ("due_ns", "i8"),  # when the one that is held is; 0 = not
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
    ("is_entering", "i1"),  # the strategy's working order opens or turns a position
)

RUN = record(
    ("account", ACCOUNT),
    ("limits", LIMITS),
    ("intent", INTENT),
    ("is_watched", "i1"),  # a limit on the figures of the account is given
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
    ("denied", "i8", (CODES,)),  # by the code of `limits`
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
        kind, is_waiting = order.kind, order.kind != LIMIT and order.is_triggered == 0
        if order.wait > 0 or kind == MARKET or (kind == STOP_ORDER and not is_waiting):
            leg.reach_low = math.inf
        elif is_waiting == (order.quantity > 0):
            leg.reach_high = min(leg.reach_high, order.trigger if is_waiting else order.price)
        else:
            leg.reach_low = max(leg.reach_low, order.trigger if is_waiting else order.price)


@compiled("void(LEG, RESTING[:], i1, i8, f8, f8, i1, i1, i8)")
def add_order(
    leg: Row, orders: Rows, kind: int, quantity: int, price: float, trigger: float, reason: int, is_fresh: int, wait: int
) -> None:
    """Let one more order rest; prices are on the grid, NaN where its kind has none; it comes to the market after `wait` bars."""
    order = orders[leg.count]
    order.quantity = quantity
    order.price = price
    order.trigger = trigger
    order.wait = wait
    order.filled = 0
    order.value = 0
    order.slice_value = 0
    order.slice_charges = 0
    order.kind = kind
    order.is_triggered = 0
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
    leg.is_entering = 0
    return int(before - leg.count)

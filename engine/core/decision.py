"""What becomes of a strategy's wish in a replay: an order, moved protection, or a refusal that is counted.

An intent is acted on at the close of the bar it was decided on; what it places fills no earlier than the next open. Days, square-off
and the limits of the run are kept here, too.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled
from engine.core.execution import protect, trail_to
from engine.core.grid import price_units, to_tick
from engine.core.kelly import bet_pct, kelly_pct
from engine.core.legs import add_order, cancel_own, is_own, note_reach
from engine.core.limits import ALLOWED, SLICES, TOO_MANY_SLICES, has_lost_day, is_drawn_down, opened_by
from engine.core.matching import LIMIT, MARKET, STOP, STOP_LIMIT, remove
from engine.core.records import ENTRY, EXIT, REVERSAL, SQUARE_OFF, Row, Rows
from engine.core.refusal import check
from engine.core.sizing import KELLY, NO_SIZE, purpose_of, size_of, wanted_quantity

BAD_INTENT, UNSIZED = 1, 2
"""Why a strategy was stopped: what it wanted makes no sense, or nothing tells how much a target of 1 is. 0 = it was not."""

DAY_NS = 86_400_000_000_000
IST_NS = 19_800_000_000_000
NEVER = 9_000_000_000_000_000_000
"""A time that does not come."""


@compiled("void(RUN, i1, i8)")
def stop_strategy(run: Row, fault: int, time_ns: int) -> None:
    """Ask the strategy no more; what it still has working to open something is to be taken out by `withdraw_entries`."""
    run.fault = fault
    run.fault_ns = time_ns


@compiled("void(LEG[:], RESTING[:,:])")
def withdraw_entries(legs: Rows, orders: Rows) -> None:
    """Take out what would open or turn a position; exits and protection stay."""
    for k in range(len(legs)):
        leg, own = legs[k], orders[k]
        for index in range(leg.count - 1, -1, -1):
            if own[index].reason in (ENTRY, REVERSAL):
                leg.count = remove(own, leg.count, index)
                leg.reserved = 0
                leg.is_entering = 0
        note_reach(leg, own)


@compiled("void(RUN, LEG[:], i8[:], i8)")
def begin_day(run: Row, legs: Rows, rates_from: Rows, time_ns: int) -> None:
    """Begin the day (IST) of this moment: a day's loss counts from here, and the rates of the day hold."""
    run.day_end = ((time_ns + IST_NS) // DAY_NS + 1) * DAY_NS - IST_NS
    run.is_stopped = run.is_stopped & 2
    run.account.day_start = run.account.equity
    while run.period + 1 < len(rates_from) and time_ns >= rates_from[run.period + 1]:
        run.period += 1
    for k in range(len(legs)):
        legs[k].is_squared = 0


@compiled("void(RUN)")
def mark_account(run: Row) -> None:
    """Reckon equity at the present closes; the day's loss and the fall from the peak may stop new risk."""
    account, limits = run.account, run.limits
    equity = account.cash + run.value
    account.equity = equity
    account.peak = max(account.peak, equity)
    if run.is_watched == 0:
        return
    if has_lost_day(account.day_start, equity, limits.max_daily_loss):
        run.is_stopped = run.is_stopped | 1
    if is_drawn_down(account.peak, equity, limits.max_drawdown):
        run.is_stopped = run.is_stopped | 2


@compiled("void(LEG, RESTING[:])")
def leave(leg: Row, orders: Rows) -> None:
    """Close what a leg holds with one market order, and cancel what the strategy has working for it."""
    cancel_own(leg, orders)
    if leg.position.quantity != 0 and leg.is_closing == 0 and abs(leg.position.quantity) <= SLICES * leg.lane.freeze:
        add_order(leg, orders, MARKET, -leg.position.quantity, math.nan, math.nan, SQUARE_OFF, 0, leg.lane.friction.latency_bars)
        leg.is_closing = 1
    note_reach(leg, orders)


@compiled("void(RUN, LEG[:], RESTING[:,:], SQUARE[:], i8)")
def square_off(run: Row, legs: Rows, orders: Rows, squares: Rows, now_ns: int) -> None:
    """Leave positions whose time has come: that of the day, after which nothing is entered any more, or their own since they were opened.

    What a hole in the data has hidden is made up for as soon as there is a bar.
    """
    while run.squares < len(squares) and squares[run.squares].time_ns <= now_ns:
        square = squares[run.squares]
        run.squares += 1
        for k in range(len(legs)):
            if legs[k].group == square.group:
                legs[k].is_squared = square.time_ns >= run.day_end - DAY_NS
                leave(legs[k], orders[k])
    run.next_square = squares[run.squares].time_ns if run.squares < len(squares) else NEVER
    for k in range(len(legs)):
        leg = legs[k]
        if leg.due_ns != 0 and leg.due_ns <= now_ns:
            leg.due_ns = 0
            leave(leg, orders[k])
        if leg.due_ns != 0:
            run.next_square = min(run.next_square, leg.due_ns)


@compiled("b1(INTENT)")
def is_bad(intent: Row) -> bool:
    """Tell whether an intent makes no sense: an infinite target, or a price that is infinite or not above zero."""
    for price in (intent.limit, intent.stop, intent.profit, intent.trail):
        if price <= 0.0 or price == math.inf:
            return True
    return math.isinf(intent.target) or intent.trigger < 0.0 or intent.trigger == math.inf


@compiled("void(LEG, RESTING[:], INTENT, BAR)")
def move_protection(leg: Row, orders: Rows, intent: Row, bar: Row) -> None:
    """Move the protection of the open position to where an intent without a target has it, then draw a trailing stop after the bar."""
    if math.isnan(intent.target):
        if not math.isnan(intent.stop):
            leg.stop = to_tick(intent.stop, leg.lane.tick)
            leg.is_trailed = 0
        if not math.isnan(intent.profit):
            leg.profit = to_tick(intent.profit, leg.lane.tick)
        if not math.isnan(intent.trail):
            leg.trail = intent.trail
    if not math.isnan(leg.trail):
        trail_to(leg, bar.high if leg.position.quantity > 0 else bar.low)
    protect(leg, orders, 0, leg.lane.friction.latency_bars)


@compiled("f8(LEG, INTENT)")
def trigger_of(leg: Row, intent: Row) -> float:
    """Return the price, on the grid, that must be reached before a wish is entered; NaN = none."""
    return to_tick(intent.trigger, leg.lane.tick) if intent.trigger > 0.0 else math.nan


@compiled("f8(LEG, INTENT, i8)")
def limit_of(leg: Row, intent: Row, quantity: int) -> float:
    """Return the worst price, on the grid, for an order (signed); NaN = none. One short of the trigger is put on the trigger."""
    limit, trigger = to_tick(intent.limit, leg.lane.tick), trigger_of(leg, intent)
    if math.isnan(limit) or math.isnan(trigger):
        return limit
    return max(limit, trigger) if quantity > 0 else min(limit, trigger)


@compiled("void(LEG, RESTING[:], i8, i1, INTENT)")
def place(leg: Row, orders: Rows, wanted: int, purpose: int, intent: Row) -> None:
    """Let the one order rest that leads from what is held to what is wanted; its protection travels with it."""
    is_open, quantity = wanted != 0, wanted - leg.position.quantity
    leg.next_stop = to_tick(intent.stop, leg.lane.tick) if is_open else math.nan
    leg.next_profit = to_tick(intent.profit, leg.lane.tick) if is_open else math.nan
    leg.next_trail = intent.trail if is_open else math.nan
    leg.held_target = intent.target
    limit, trigger = limit_of(leg, intent, quantity), trigger_of(leg, intent)
    if math.isnan(trigger):
        kind = MARKET if math.isnan(limit) else LIMIT
    else:
        kind = STOP if math.isnan(limit) else STOP_LIMIT
    add_order(leg, orders, kind, quantity, limit, trigger, purpose, 0, leg.lane.friction.latency_bars)
    leg.is_entering = purpose != EXIT


@compiled("f8(LEG[:], f8)")
def bet_of(legs: Rows, fraction: float) -> float:
    """Return the percentage of equity to bet at a fraction of Kelly's, by the closed trades of all legs; NaN while they are too few."""
    wins, losses, won, lost = 0, 0, 0, 0
    for k in range(len(legs)):
        tally = legs[k].tally
        wins += tally.wins
        losses += tally.losses
        won += tally.won
        lost += tally.lost
    return bet_pct(kelly_pct(wins, losses, won, lost), fraction)


@compiled("void(RUN, LEG[:], RESTING[:], i8, INTENT, BAR)")
def follow(run: Row, legs: Rows, orders: Rows, k: int, intent: Row, bar: Row) -> None:
    """Act on a new wish, with nothing of the last one working any more: size it, ask the limits, place."""
    leg = legs[k]
    sizing, held, target = leg.sizing, leg.position.quantity, intent.target
    trigger = trigger_of(leg, intent)
    entry = bar.close if math.isnan(trigger) else trigger
    if sizing.mode == KELLY:
        sizing.bet_pct = bet_of(legs, sizing.fraction)
    size = size_of(sizing, run.account.equity, entry, intent.stop)
    wanted = wanted_quantity(target, leg.held_target, held, size, sizing.lot, sizing.can_short != 0)
    if size <= 0 and held * target <= 0.0 and (target > 0.0 or (target < 0.0 and sizing.can_short != 0)):
        run.unsized += 1
        if size == NO_SIZE:
            stop_strategy(run, UNSIZED, bar.time_ns)
            return
    if wanted == held:
        return
    purpose, quantity = purpose_of(held, wanted), wanted - held
    limit = limit_of(leg, intent, quantity)
    price = price_units(entry if math.isnan(limit) else limit)
    code = check(run, legs, k, quantity, price) if purpose != EXIT else ALLOWED
    largest = abs(quantity) if purpose == EXIT else max(abs(quantity), abs(wanted))
    if largest > SLICES * leg.lane.freeze:
        code = TOO_MANY_SLICES
    if code != ALLOWED:
        run.denied[code] += 1
        if purpose != REVERSAL or run.is_stopped == 0 or abs(held) > SLICES * leg.lane.freeze:
            return
        # While new risk is stopped a reversal does its first half all the same: the position is left.
        wanted, quantity, purpose = 0, -held, EXIT
    run.orders += 1
    place(leg, orders, wanted, purpose, intent)
    if code != ALLOWED:
        leg.held_target = 0.0
    leg.opened = opened_by(held, quantity) * price * leg.multiplier
    leg.reserved = leg.opened
    note_reach(leg, orders)


@compiled("void(INTENT, INTENT)")
def copy_intent(into: Row, intent: Row) -> None:
    """Make one intent the same as another."""
    into.target = intent.target
    into.limit = intent.limit
    into.stop = intent.stop
    into.profit = intent.profit
    into.trail = intent.trail
    into.trigger = intent.trigger


@compiled("b1(LEG, RESTING[:], INTENT)")
def is_on_its_way(leg: Row, orders: Rows, intent: Row) -> bool:
    """Tell whether the strategy's working order is the very one that an intent wants: the same target, limit and trigger."""
    if intent.target != leg.held_target:
        return False
    for index in range(leg.count):
        order = orders[index]
        if is_own(order.reason):
            limit, trigger = limit_of(leg, intent, order.quantity), trigger_of(leg, intent)
            is_same_limit = order.price == limit or (math.isnan(order.price) and math.isnan(limit))
            return bool(is_same_limit and (order.trigger == trigger or (math.isnan(order.trigger) and math.isnan(trigger))))
    return False


@compiled("void(RUN, LEG[:], RESTING[:], i8, INTENT, BAR)")
def act(run: Row, legs: Rows, orders: Rows, k: int, intent: Row, bar: Row) -> None:
    """Do what an intent asks for leg `k` at the close of its decision bar: protection first, then the order."""
    leg = legs[k]
    if is_bad(intent):
        stop_strategy(run, BAD_INTENT, bar.time_ns)
        return
    run.signals += 0 if math.isnan(intent.target) else 1
    if leg.is_closing != 0 or leg.is_squared != 0:
        return
    if leg.position.quantity != 0:
        move_protection(leg, orders, intent, bar)
    if not math.isnan(intent.target) and not is_on_its_way(leg, orders, intent):
        if cancel_own(leg, orders) > 0 and len(legs) > 1:
            # Until the cancel is certain the other instruments go first; `walk` comes back to it.
            copy_intent(leg.wish, intent)
            leg.is_waiting = 1
        else:
            follow(run, legs, orders, k, intent, bar)
    note_reach(leg, orders)

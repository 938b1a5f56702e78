"""The loops of a replay over history: match, mark, decide, bar by bar, on shared cash.

For each step of time: windows and square-offs that are due; every instrument's orders against its bar; equity at the closes;
square-off; decisions on the bars or windows that have ended. A decision on a closed bar fills no earlier than the next open. `walk`
does it for any number of instruments; `walk_one` for the plain case, one instrument that decides on the bars themselves, faster.
"""

from __future__ import annotations

import math

from engine.core.bars import extend, open_of, window_start
from engine.core.compiled import borrowed, compiled
from engine.core.decision import NEVER, act, begin_day, follow, mark_account, square_off, withdraw_entries
from engine.core.execution import is_reached, match_open, match_range
from engine.core.grid import price_units
from engine.core.legs import FILLS_A_BAR
from engine.core.records import Row, Rows
from engine.core.registry import Step

SIGNATURE = "i8(STEP, f8[:,:], f8[:], BAR[:], i8, RUN[:], LEG[:], RESTING[:,:], RATES[:,:], i8[:], SQUARE[:], f8[:,:], FILL[:], i8[:])"

OUT_OF_ORDER = -1
"""What a loop returns for a bar that does not come after the one before, or is of an instrument that has no leg."""


@compiled("void(INTENT)")
def clear(intent: Row) -> None:
    """Make an intent that wants nothing."""
    intent.target = math.nan
    intent.limit = math.nan
    intent.stop = math.nan
    intent.profit = math.nan
    intent.trail = math.nan
    intent.trigger = math.nan


@compiled("b1(INTENT)")
def wants(intent: Row) -> bool:
    """Tell whether an intent asks for anything."""
    return not (math.isnan(intent.target) and math.isnan(intent.stop) and math.isnan(intent.profit) and math.isnan(intent.trail))


@compiled("void(RUN, LEG, f8)")
def mark(run: Row, leg: Row, close: float) -> None:
    """Value what a leg holds at a close."""
    position, value = leg.position, 0
    if position.quantity != 0:
        position.last_price = price_units(close)
        value = position.quantity * position.last_price * leg.multiplier
    run.value += value - leg.value
    leg.value = value


@compiled("void(LEG, f8[:,:], i8)")
def set_band(leg: Row, bands: Rows, index: int) -> None:
    """Note between which prices the exchange trades on the day of a bar, where there are limits."""
    if len(bands) > 0:
        leg.lane.band_low = bands[index, 0]
        leg.lane.band_high = bands[index, 1]


@compiled("void(RUN, LEG[:], RESTING[:,:], i8[:], SQUARE[:], i8)")
def begin_step(run: Row, legs: Rows, orders: Rows, rates_from: Rows, squares: Rows, time_ns: int) -> None:
    """Begin a day or square off, when that is due."""
    if time_ns >= run.day_end:
        begin_day(run, legs, rates_from, time_ns)
    if time_ns >= run.next_square:
        square_off(run, legs, orders, squares, time_ns)


@compiled(SIGNATURE)
def walk_one(
    on_bar: Step,
    states: Rows,
    params: Rows,
    bars: Rows,
    first: int,
    runs: Rows,
    legs: Rows,
    orders: Rows,
    rates: Rows,
    rates_from: Rows,
    squares: Rows,
    bands: Rows,
    fills: Rows,
    equity: Rows,
) -> int:
    """Walk from bar `first` on, until the end or until `fills` could overflow; returns the first bar not walked over, or OUT_OF_ORDER."""
    state, params, bars, legs, orders = borrowed(states)[0], borrowed(params), borrowed(bars), borrowed(legs), borrowed(orders)
    run = borrowed(runs)[0]
    fills, equity, rates, bands = borrowed(fills), borrowed(equity), borrowed(rates), borrowed(bands)
    leg, own, account, intent, base_ns = legs[0], orders[0], run.account, run.intent, run.base_ns
    index, room = first, len(fills) - FILLS_A_BAR
    while index < len(bars) and account.fills <= room:
        bar = bars[index]
        if bar.time_ns <= run.now_ns or bar.instrument != 0:
            return OUT_OF_ORDER
        run.now_ns = bar.time_ns
        if bar.time_ns >= run.day_end or bar.time_ns >= run.next_square:
            begin_step(run, legs, orders, rates_from, squares, bar.time_ns)
        if is_reached(leg, bar):
            set_band(leg, bands, index)
            match_open(run, leg, own, bar, rates[0, run.period], fills)
            if leg.count > 0:
                match_range(run, leg, own, bar, rates[0, run.period], fills)
        mark(run, leg, bar.close)
        mark_account(run)
        equity[index] = account.equity
        if bar.time_ns + base_ns >= run.next_square:
            square_off(run, legs, orders, squares, bar.time_ns + base_ns)
        if run.fault == 0:
            clear(intent)
            on_bar(state, params, bar, intent)
            run.decisions += 1
            if wants(intent) or not math.isnan(leg.trail):
                act(run, legs, own, 0, intent, bar)
                if run.fault != 0:
                    withdraw_entries(legs, orders)
        index += 1
    run.steps = index
    return index


@compiled("void(LEG, BAR, i8)")
def take_in(leg: Row, bar: Row, interval_ns: int) -> None:
    """Let the forming bar of the decision interval take in a base bar."""
    window = leg.window
    if leg.window_end != 0:
        extend(window, bar)
        return
    opened = open_of(bar)
    start = window_start(bar.time_ns, interval_ns // 1_000_000_000, opened)
    window.time_ns = start
    window.session_minute = (start - opened) // 60_000_000_000
    window.instrument = bar.instrument
    window.open = bar.open
    window.high = bar.high
    window.low = bar.low
    window.close = bar.close
    window.volume = bar.volume
    window.oi = bar.oi
    leg.window_end = start + interval_ns


@compiled("i8(RUN, LEG[:], RESTING[:,:], BAR[:], i8, RATES[:,:], f8[:,:], FILL[:])")
def match_step(run: Row, legs: Rows, orders: Rows, bars: Rows, first: int, rates: Rows, bands: Rows, fills: Rows) -> int:
    """Match all bars that have the time of bar `first`, all opens before all ranges, and mark; returns the index after the last."""
    end, begins, last = first, bars[first].time_ns, -1
    while end < len(bars) and bars[end].time_ns == begins:
        bar = bars[end]
        k = bar.instrument
        if not last < k < len(legs):
            return OUT_OF_ORDER
        if is_reached(legs[k], bar):
            set_band(legs[k], bands, end)
            match_open(run, legs[k], orders[k], bar, rates[k, run.period], fills)
        last = k
        end += 1
    for index in range(first, end):
        bar = bars[index]
        k = bar.instrument
        leg = legs[k]
        if is_reached(leg, bar):
            match_range(run, leg, orders[k], bar, rates[k, run.period], fills)
        mark(run, leg, bar.close)
        take_in(leg, bar, run.interval_ns)
        run.next_end = min(run.next_end, leg.window_end)
    mark_account(run)
    return end


@compiled("void(STEP, f8[:,:], f8[:], RUN, LEG[:], RESTING[:,:], SQUARE[:], i8)")
def on_time(on_bar: Step, states: Rows, params: Rows, run: Row, legs: Rows, orders: Rows, squares: Rows, now_ns: int) -> None:
    """Do what is due by a moment: square off, then close the windows that have ended and decide on those that are whole."""
    if now_ns >= run.next_square:
        square_off(run, legs, orders, squares, now_ns)
    intent, run.next_end = run.intent, NEVER
    for k in range(len(legs)):
        leg = legs[k]
        if leg.window_end == 0 or leg.window_end > now_ns:
            run.next_end = min(run.next_end, leg.window_end if leg.window_end != 0 else NEVER)
            continue
        leg.window_end = 0
        if run.fault == 0 and leg.window.time_ns >= run.from_ns:
            clear(intent)
            on_bar(states[k], params, leg.window, intent)
            run.decisions += 1
            if wants(intent) or not math.isnan(leg.trail):
                act(run, legs, orders[k], k, intent, leg.window)
                if run.fault != 0:
                    withdraw_entries(legs, orders)
    for k in range(len(legs)):
        leg = legs[k]
        if leg.is_waiting != 0:
            leg.is_waiting = 0
            if run.fault == 0:
                follow(run, legs, orders[k], k, leg.wish, leg.window)
                if run.fault != 0:
                    withdraw_entries(legs, orders)


@compiled(SIGNATURE)
def walk(
    on_bar: Step,
    states: Rows,
    params: Rows,
    bars: Rows,
    first: int,
    runs: Rows,
    legs: Rows,
    orders: Rows,
    rates: Rows,
    rates_from: Rows,
    squares: Rows,
    bands: Rows,
    fills: Rows,
    equity: Rows,
) -> int:
    """Walk like `walk_one`, over any number of instruments in order of time, deciding on windows of `interval_ns`."""
    states, params, bars, legs, orders = borrowed(states), borrowed(params), borrowed(bars), borrowed(legs), borrowed(orders)
    run = borrowed(runs)[0]
    fills, equity, rates, squares, bands = borrowed(fills), borrowed(equity), borrowed(rates), borrowed(squares), borrowed(bands)
    index, room = first, len(fills) - FILLS_A_BAR * len(legs)
    while index < len(bars) and run.account.fills <= room:
        begins = bars[index].time_ns
        if begins <= run.now_ns:
            return OUT_OF_ORDER
        run.now_ns = begins
        if begins >= run.day_end or begins >= run.next_square:
            begin_step(run, legs, orders, rates_from, squares, begins)
        if begins >= run.next_end:
            on_time(on_bar, states, params, run, legs, orders, squares, begins)
        index = match_step(run, legs, orders, bars, index, rates, bands, fills)
        if index < 0:
            return index
        equity[run.steps] = run.account.equity
        run.steps += 1
        ends = begins + run.base_ns
        if ends >= run.next_end or ends >= run.next_square:
            on_time(on_bar, states, params, run, legs, orders, squares, ends)
    return index

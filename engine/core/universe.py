"""The loop of a replay for strategies that look at all symbols at once: rotation, pairs, whatever ranks or compares.

Each time a decision bar ends they are shown one bar of every symbol, in the session's order, and want something of each. A symbol that
had no trade in that bar shows its last close once more, without volume; one that has not traded yet shows NaN, and nothing is done
about it. STATE is kept for each symbol: `state.view(STATE)[k]` is that of symbol k.
"""

from __future__ import annotations

import math

import numpy as np

from engine.core.compiled import borrowed, compiled, pointer_type
from engine.core.decision import NEVER, act, follow, square_off, withdraw_entries
from engine.core.legs import FILLS_A_BAR
from engine.core.records import BAR, Row, Rows
from engine.core.registry import Step
from engine.core.walk import OUT_OF_ORDER, SIGNATURE, begin_step, clear, match_step, wants

pointer_type("UNIVERSE", "void(f8[:], f8[:], BAR[:], INTENT[:])")


def unseen(count: int) -> Rows:
    """Make the bars that are shown of symbols that have not traded yet."""
    rows: Rows = np.zeros(count, BAR)
    rows["instrument"] = np.arange(count)
    for name in ("open", "high", "low", "close", "oi"):
        rows[name] = math.nan
    return rows


@compiled("void(BAR, BAR)")
def show(shown: Row, bar: Row) -> None:
    """Show a closed bar."""
    shown.time_ns = bar.time_ns
    shown.session_minute = bar.session_minute
    shown.open = bar.open
    shown.high = bar.high
    shown.low = bar.low
    shown.close = bar.close
    shown.volume = bar.volume
    shown.oi = bar.oi


@compiled("void(BAR, i8, i8)")
def show_again(shown: Row, time_ns: int, session_minute: int) -> None:
    """Show the last close once more, for a bar in which nothing was traded."""
    shown.time_ns = time_ns
    shown.session_minute = session_minute
    shown.open = shown.close
    shown.high = shown.close
    shown.low = shown.close
    shown.volume = 0.0


@compiled("b1(RUN, LEG[:], BAR[:], i8)")
def take_closed(run: Row, legs: Rows, shown: Rows, now_ns: int) -> bool:
    """Show the bars that have ended by now, and the others once more; tells whether any whole bar has."""
    newest, minute = -1, 0
    for k in range(len(legs)):
        leg = legs[k]
        if leg.window_end == 0 or leg.window_end > now_ns:
            run.next_end = min(run.next_end, leg.window_end if leg.window_end != 0 else NEVER)
            continue
        leg.window_end = 0
        if leg.window.time_ns >= run.from_ns:
            show(shown[k], leg.window)
            if leg.window.time_ns > newest:
                newest, minute = leg.window.time_ns, leg.window.session_minute
    for k in range(len(legs)):
        if newest >= 0 and shown[k].time_ns != newest:
            show_again(shown[k], newest, minute)
    return newest >= 0


@compiled("void(UNIVERSE, f8[:], f8[:], RUN, LEG[:], RESTING[:,:], BAR[:], INTENT[:])")
def decide(on_bars: Step, state: Rows, params: Rows, run: Row, legs: Rows, orders: Rows, shown: Rows, intents: Rows) -> None:
    """Ask once for all symbols, and act on what is wanted in their order."""
    for k in range(len(intents)):
        clear(intents[k])
    on_bars(state, params, shown, intents)
    run.decisions += 1
    for k in range(len(legs)):
        leg, intent = legs[k], intents[k]
        if run.fault == 0 and not math.isnan(shown[k].close) and (wants(intent) or not math.isnan(leg.trail)):
            act(run, legs, orders[k], k, intent, shown[k])
            if run.fault != 0:
                withdraw_entries(legs, orders)


@compiled("void(UNIVERSE, f8[:], f8[:], RUN, LEG[:], RESTING[:,:], SQUARE[:], BAR[:], INTENT[:], i8)")
def on_time(
    on_bars: Step, state: Rows, params: Rows, run: Row, legs: Rows, orders: Rows, squares: Rows, shown: Rows, intents: Rows, now_ns: int
) -> None:
    """Do what is due by a moment: square off, then decide where bars have ended."""
    if now_ns >= run.next_square:
        square_off(run, legs, orders, squares, now_ns)
    run.next_end = NEVER
    if take_closed(run, legs, shown, now_ns) and run.fault == 0:
        decide(on_bars, state, params, run, legs, orders, shown, intents)
    for k in range(len(legs)):
        leg = legs[k]
        if leg.is_waiting != 0:
            leg.is_waiting = 0
            if run.fault == 0:
                follow(run, legs, orders[k], k, leg.wish, shown[k])
                if run.fault != 0:
                    withdraw_entries(legs, orders)


@compiled(SIGNATURE.replace("STEP", "UNIVERSE").replace("FILL[:], i8[:])", "FILL[:], i8[:], BAR[:], INTENT[:])"))
def walk_universe(
    on_bars: Step,
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
    shown: Rows,
    intents: Rows,
) -> int:
    """Walk like `walk.walk`, asking once for all symbols; `shown` and `intents` have one row a symbol."""
    run, state = borrowed(runs)[0], states.reshape(-1)
    index, room = first, len(fills) - FILLS_A_BAR * len(legs)
    while index < len(bars) and run.account.fills <= room:
        begins = bars[index].time_ns
        if begins <= run.now_ns:
            return OUT_OF_ORDER
        run.now_ns = begins
        if begins >= run.day_end or begins >= run.next_square:
            begin_step(run, legs, orders, rates_from, squares, begins)
        if begins >= run.next_end:
            on_time(on_bars, state, params, run, legs, orders, squares, shown, intents, begins)
        index = match_step(run, legs, orders, bars, index, rates, bands, fills)
        if index < 0:
            return index
        equity[run.steps] = run.account.equity
        run.steps += 1
        ends = begins + run.base_ns
        if ends >= run.next_end or ends >= run.next_square:
            on_time(on_bars, state, params, run, legs, orders, squares, shown, intents, ends)
    return index

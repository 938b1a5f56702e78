"""Where one bar ends and the next begins, how small bars make large ones, and how a bar looks as ticks.

Windows are anchored at the session's open (09:15 for NSE shares), never at midnight, and never run over into another session. A bar
is stamped with its START. A window ends at its start plus its interval, also where the session's last window is shorter than that.
"""

from __future__ import annotations

import math

import numpy as np

from engine.core.compiled import compiled
from engine.core.errors import InvalidOption
from engine.core.records import BAR, MODE_QUOTE, TICK, Row, Rows

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


@compiled("i8(i8, i8, i8)")
def window_start(time_ns: int, interval_s: int, open_ns: int) -> int:
    """Return when the window that holds this moment began, windows of `interval_s` being anchored at `open_ns`."""
    interval_ns = interval_s * 1_000_000_000
    return open_ns + (time_ns - open_ns) // interval_ns * interval_ns


@compiled("i8(BAR)")
def open_of(bar: Row) -> int:
    """Return when the session of this bar opened, by its `session_minute`; sessions open on a whole minute."""
    minute = bar.time_ns // 60_000_000_000 - int(bar.session_minute)
    return int(minute * 60_000_000_000)


@compiled("void(BAR, BAR)")
def extend(bar: Row, other: Row) -> None:
    """Let `bar` take in a later bar of the same window."""
    bar.high = max(bar.high, other.high)
    bar.low = min(bar.low, other.low)
    bar.close = other.close
    bar.volume += other.volume
    bar.oi = other.oi


def resample(rows: Rows, interval_s: int, open_minute: int = 0) -> Rows:
    """Make larger bars of BAR rows, anchored at the session's open and never across a session.

    `rows`: in order of time, of one or of several instruments. `open_minute`: the `session_minute` at which windows are anchored.
    Returns fresh rows in order of time, then instrument; a window that is not over yet is included as it stands.
    Raises InvalidOption for an interval that is not positive.
    """
    if interval_s <= 0:
        raise InvalidOption(f"Expected an interval of at least 1 s, was {interval_s}; give whole seconds.")
    if len(rows) == 0:
        return np.empty(0, dtype=BAR)
    rows = rows[np.argsort(rows["instrument"], kind="stable")]
    opens = rows["time_ns"] // MINUTE_NS * MINUTE_NS - rows["session_minute"] * np.int64(MINUTE_NS)
    anchors = opens + open_minute * MINUTE_NS
    starts = anchors + (rows["time_ns"] - anchors) // (interval_s * SECOND_NS) * (interval_s * SECOND_NS)
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = (np.diff(starts) != 0) | (np.diff(rows["instrument"]) != 0)
    at = np.flatnonzero(is_first)
    last = np.append(at[1:], len(rows)) - 1
    made = rows[at]
    made["time_ns"] = starts[at]
    made["session_minute"] = (starts[at] - opens[at]) // MINUTE_NS
    made["high"] = np.maximum.reduceat(rows["high"], at)
    made["low"] = np.minimum.reduceat(rows["low"], at)
    made["volume"] = np.add.reduceat(rows["volume"], at)
    for column in ("close", "oi"):
        made[column] = rows[column][last]
    return made[np.argsort(made["time_ns"], kind="stable")]


@compiled("void(BAR, i8, i1, i8, i8, f8, TICK[:])")
def fill_ticks(bar: Row, token: int, mode: int, interval_s: int, previous_volume: int, tick_size: float, out: Rows) -> None:
    """Write a bar as `len(out)` (at least 4) ticks: open, low, high, close (a falling bar: high first), and steps between.

    Volumes are of the day: `previous_volume` before the bar, all of it with the last tick. Only what the bar tells is written;
    depth, averages and the day's open, high, low and previous close are left as they were.
    """
    count = len(out)
    first, second = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    volume = int(bar.volume)
    sent = 0
    for i in range(count):
        # Turning points at 0, 1/3, 2/3 and the end, so that each leg gets its share of the ticks.
        a, b = (count - 1) // 3, 2 * (count - 1) // 3
        if i <= a:
            start, end, part = bar.open, first, i / a
        elif i <= b:
            start, end, part = first, second, (i - a) / (b - a)
        else:
            start, end, part = second, bar.close, (i - b) / (count - 1 - b)
        price = end
        if part < 1.0:
            steps = math.floor((end - start) * part / tick_size + 0.5)
            price = start + steps * tick_size
            # Between two prices on the grid rounding cannot leave them; it can where the bar itself is off the grid.
            price = min(max(price, min(start, end)), max(start, end))
            price = start if steps == 0 else math.floor(price * 10_000.0 + 0.5) / 10_000.0
        so_far = volume if i == count - 1 else volume * (i + 1) // count
        tick = out[i]
        tick.instrument_token = token
        tick.mode = mode
        tick.last_price = min(max(price, bar.low), bar.high)
        tick.last_quantity = so_far - sent
        tick.volume = previous_volume + so_far
        tick.oi = int(bar.oi) if bar.oi == bar.oi else 0
        tick.exchange_time = bar.time_ns // 1_000_000_000 + i * interval_s // count
        tick.last_trade_time = tick.exchange_time
        sent = so_far


def ticks_of(
    bar: Row,
    count: int = 4,
    previous_volume: int = 0,
    *,
    token: int = 0,
    mode: int = MODE_QUOTE,
    interval_s: int = 60,
    tick_size: float = 0.05,
) -> Rows:
    """Make `count` TICK rows of a bar that resample to exactly that bar (its volume in whole units).

    A rising bar goes from the open over low and high to the close, a falling one over high and low; times are whole seconds inside it.
    Raises InvalidOption for fewer than 4 ticks: open, high, low and close need one each.
    """
    if count < 4:
        raise InvalidOption(f"Expected at least 4 ticks a bar, was {count}; open, high, low and close need one each.")
    out = np.zeros(count, dtype=TICK)
    fill_ticks(bar, token, mode, interval_s, previous_volume, tick_size, out)
    return out

"""Puts a frame of ticks on the quote board, one array a column, and into the bars, all instruments in one step.

The board's columns are by slot; a tick that was put aside writes nothing.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from engine.core.compiled import compiled
from engine.core.frames import DAY_NS, IST_OFFSET_NS, TAKEN, take_trades
from engine.core.records import MODE_FULL, MODE_QUOTE, Row, Rows


@compiled("void(TICK, i8, f8[:,:,:], i8[:,:,:], f8[:], f8[:], f8[:], f8[:])")
def take_depth(
    tick: Row,
    slot: int,
    prices: NDArray[Any],
    quantities: NDArray[Any],
    bid: NDArray[Any],
    ask: NDArray[Any],
    bid_quantity: NDArray[Any],
    ask_quantity: NDArray[Any],
) -> None:
    """Write five levels of depth and the best of them."""
    for side in range(2):
        for level in range(5):
            prices[slot, side, level] = tick.depth[side, level].price
            quantities[slot, side, level] = tick.depth[side, level].quantity
    bid[slot] = prices[slot, 0, 0]
    ask[slot] = prices[slot, 1, 0]
    bid_quantity[slot] = quantities[slot, 0, 0]
    ask_quantity[slot] = quantities[slot, 1, 0]


@compiled("void(TICK, i8, f8[:], f8[:], f8[:], f8[:])")
def _take_day(tick: Row, slot: int, day_open: NDArray[Any], high: NDArray[Any], low: NDArray[Any], close: NDArray[Any]) -> None:
    """Write the day's prices, those that the tick tells."""
    if tick.open > 0.0:
        day_open[slot] = tick.open
    if tick.high > 0.0:
        high[slot] = tick.high
    if tick.low > 0.0:
        low[slot] = tick.low
    if tick.close > 0.0:
        close[slot] = tick.close


STALE_NS = 60_000_000_000
"""A tick that tells of a moment longer ago than this counts as of that moment, and not as of its arrival."""


@compiled("i8(TICK, i8)")
def quoted_ns(tick: Row, now_ns: int) -> int:
    """Return the time of which a quote is: its arrival, unless it tells that it is old."""
    told_ns = tick.exchange_time * 1_000_000_000
    return int(told_ns if 0 < told_ns < now_ns - STALE_NS else now_ns)


@compiled("i8(TICK[:], i8[:], i1[:], i8, i8[:], i8[:], i8[:], " + "f8[:], " * 13 + "f8[:,:,:], i8[:,:,:])")
def take_quotes(
    ticks: Rows,
    slots: NDArray[Any],
    verdicts: NDArray[Any],
    now_ns: int,
    times: NDArray[Any],
    versions: NDArray[Any],
    changed: NDArray[Any],
    last_price: NDArray[Any],
    day_open: NDArray[Any],
    high: NDArray[Any],
    low: NDArray[Any],
    close: NDArray[Any],
    average_price: NDArray[Any],
    bid: NDArray[Any],
    ask: NDArray[Any],
    bid_quantity: NDArray[Any],
    ask_quantity: NDArray[Any],
    last_quantity: NDArray[Any],
    volume: NDArray[Any],
    oi: NDArray[Any],
    depth_price: NDArray[Any],
    depth_quantity: NDArray[Any],
) -> int:
    """Write the believed ticks of a frame to the quote board's columns; returns how many slots changed, their numbers in `changed`."""
    count = 0
    for i in range(len(ticks)):
        slot, tick = slots[i], ticks[i]
        if verdicts[i] != TAKEN:
            continue
        if versions[slot] >= 0:
            changed[count] = slot
            count += 1
            versions[slot] = -versions[slot] - 1  # negative while the frame lasts: each slot is told once
        times[slot] = quoted_ns(tick, now_ns)
        last_price[slot] = tick.last_price
        _take_day(tick, slot, day_open, high, low, close)
        if tick.mode == MODE_QUOTE or tick.mode == MODE_FULL:
            average_price[slot] = tick.average_price
            last_quantity[slot] = tick.last_quantity
            volume[slot] = tick.volume
            oi[slot] = tick.oi
        if tick.mode == MODE_FULL:
            take_depth(tick, slot, depth_price, depth_quantity, bid, ask, bid_quantity, ask_quantity)
    for i in range(count):
        versions[changed[i]] = -versions[changed[i]]
    return count


@compiled("i8(TICK[:], i8)")
def day_of_frame(ticks: Rows, now_ns: int) -> int:
    """Return India's day, counted from 1970, of the latest tick; of now where no tick tells a time."""
    latest = 0
    for i in range(len(ticks)):
        latest = max(latest, ticks[i].exchange_time)
    time_ns = latest * 1_000_000_000 if latest > 0 else now_ns
    return int((time_ns + IST_OFFSET_NS) // DAY_NS)


@compiled(
    "i8(TICK[:], i8, i8, i8, i8[:], i8[:], FEED[:], BAR[:], BAR[:], i8[:], i1[:], i8[:], i8[:], i8[:], i8[:], "
    + "f8[:], " * 13
    + "f8[:,:,:], i8[:,:,:])"
)
def take_frame(
    ticks: Rows,
    now_ns: int,
    until_ns: int,
    day: int,
    tokens: NDArray[Any],
    token_slots: NDArray[Any],
    feed: Rows,
    forming: Rows,
    closed: Rows,
    slots: NDArray[Any],
    verdicts: NDArray[Any],
    counts: NDArray[Any],
    changed: NDArray[Any],
    times: NDArray[Any],
    versions: NDArray[Any],
    last_price: NDArray[Any],
    day_open: NDArray[Any],
    high: NDArray[Any],
    low: NDArray[Any],
    close: NDArray[Any],
    average_price: NDArray[Any],
    bid: NDArray[Any],
    ask: NDArray[Any],
    bid_quantity: NDArray[Any],
    ask_quantity: NDArray[Any],
    last_quantity: NDArray[Any],
    volume: NDArray[Any],
    oi: NDArray[Any],
    depth_price: NDArray[Any],
    depth_quantity: NDArray[Any],
) -> int:
    """Do `take_trades`, then `take_quotes`, in one step into machine code; returns the frame's day.

    `counts` gets how many bars closed, slots changed, and ticks were put aside. A frame of another day than `day` is left alone.
    """
    frame_day = day_of_frame(ticks, now_ns)
    if frame_day != day:
        return frame_day
    counts[0] = take_trades(ticks, tokens, token_slots, now_ns, until_ns, feed, forming, closed, slots, verdicts)
    counts[1] = take_quotes(
        ticks, slots, verdicts, now_ns, times, versions, changed, last_price, day_open, high, low, close, average_price, bid, ask,
        bid_quantity, ask_quantity, last_quantity, volume, oi, depth_price, depth_quantity,
    )  # fmt: skip
    counts[2] = 0
    for i in range(len(ticks)):
        counts[2] += verdicts[i] != TAKEN
    return frame_day

"""What one frame of ticks does: bad ones are put aside, quotes go to the board, trades into the minute bars being made.

Pure: the arrays are the caller's. Ticks of an instrument are taken in the order in which they came, and time never runs backwards: a
trade that is told of after its minute was closed belongs to the minute that is open now.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from engine.core.bars import SECOND_NS, extend, open_of, window_start
from engine.core.compiled import compiled, record_type
from engine.core.records import MODE_FULL, MODE_QUOTE, Row, Rows, record

DAY_NS = 86_400 * SECOND_NS
IST_OFFSET_NS = 19_800 * SECOND_NS

TAKEN, UNKNOWN_TOKEN, NOT_A_PRICE, JUMP, CROSSED, OUTSIDE, WRONG_TIME = range(7)
"""What became of a tick."""

AGREE = 0.01
"""A second tick within this part of a doubted price agrees with it."""

AHEAD_S, BEHIND_S = 60, 5
"""A tick from so far in the future, or so much older than the newest of its instrument, was not stamped rightly or came astray."""

BAND_MARGIN = 0.005
"""By so much of the close of the day before, limits rounded to the tick may lie beyond the percentage."""

FEED = record(
    ("open_ns", "i8"),  # open of the session of today, at which windows are anchored
    ("from_ns", "i8"),  # when it was subscribed: a bar that began earlier is not whole
    ("closed_ns", "i8"),  # end of the last minute that was closed
    ("day", "i8"),  # day of the last trade, in India
    ("volume", "i8"),  # of the day, as last told; -1 before the first tick
    ("last", "f8"),  # last price that was believed
    ("second", "f8"),  # the one before it
    ("third", "f8"),  # and before that
    ("suspect", "f8"),  # last price that was not
    ("agreed", "i8"),  # how many ticks in a row agreed with it
    ("newest_s", "i8"),  # latest time that a believed tick told
    ("jump", "f8"),  # largest believable change between two ticks, as a fraction; 0 believes all
    ("floor", "f8"),  # a change of so many rupees is never a jump
    ("band", "f8"),  # widest daily band of the exchange around the close of the day before, as a fraction; 0 = none
)
record_type("FEED", FEED)

WINDOW = record(
    ("wanted", "i1"),
    ("from_ns", "i8"),  # windows that began earlier are not whole
    ("folded_ns", "i8"),  # end of the last minute that was taken in
)
record_type("WINDOW", WINDOW)


@compiled("b1(f8, f8, f8)")
def is_far(price: float, reference: float, jump: float) -> bool:
    """Tell whether a price lies further from a known reference than a believable change goes, up or down."""
    lowest = reference * (1.0 - jump) if jump < 0.5 else reference / (1.0 + jump)
    return reference > 0.0 and (price > reference * (1.0 + jump) or price < lowest)


@compiled("f8(TICK)")
def mid_of(tick: Row) -> float:
    """Return the middle of the best bid and ask; 0 where it is not defined: no depth, one side empty, locked or crossed."""
    bid, ask = tick.depth[0, 0], tick.depth[1, 0]
    is_defined = tick.mode == MODE_FULL and bid.quantity > 0 and ask.quantity > 0 and 0.0 < bid.price < ask.price
    return 0.5 * (bid.price + ask.price) if is_defined else 0.0


@compiled("b1(TICK)")
def is_crossed(tick: Row) -> bool:
    """Tell whether the best bid lies above the best ask, which no market that trades lets stand."""
    bid, ask = tick.depth[0, 0], tick.depth[1, 0]
    return bool(tick.mode == MODE_FULL and bid.quantity > 0 and ask.quantity > 0 and bid.price > ask.price)


@compiled("b1(TICK, FEED)")
def is_outside(tick: Row, feed: Row) -> bool:
    """Tell whether a price lies outside the widest band that the exchange has; a day that opened outside it has none."""
    widest = feed.band + BAND_MARGIN
    if feed.band == 0.0 or tick.close <= 0.0 or (tick.open > 0.0 and abs(tick.open / tick.close - 1.0) > widest):
        return False
    return bool(abs(tick.last_price / tick.close - 1.0) > widest)


@compiled("b1(TICK, FEED)")
def is_doubtful(tick: Row, feed: Row) -> bool:
    """Tell whether a price has jumped and not been confirmed: by the next tick, and by one more where the mid speaks against it.

    It has jumped when it lies far from the last price and from the median of the last three; the first of a day, far from the mid.
    """
    price, mid = tick.last_price, mid_of(tick)
    if abs(price - feed.last) <= feed.floor:
        return False
    if feed.last <= 0.0:
        has_jumped = is_far(price, mid, feed.jump)
    else:
        least, most = min(feed.last, feed.second), max(feed.last, feed.second)
        median = max(least, min(most, feed.third)) if feed.third > 0.0 else feed.last
        has_jumped = is_far(price, feed.last, feed.jump) and is_far(price, median, feed.jump)
    if not has_jumped:
        return False
    agrees = feed.suspect > 0.0 and abs(price / feed.suspect - 1.0) <= AGREE
    feed.agreed = feed.agreed + 1 if agrees else 0
    feed.suspect = price
    return bool(feed.agreed < (2 if is_far(price, mid, feed.jump) else 1))


@compiled("i8(TICK, FEED, i8)")
def judge(tick: Row, feed: Row, now_ns: int) -> int:
    """Say whether a tick can be true; where all is believed (`jump` 0), only that it has a price."""
    if not 0.0 < tick.last_price < 1e12:
        return NOT_A_PRICE
    if feed.jump > 0.0:
        seconds = tick.exchange_time
        if seconds > 0 and (seconds > now_ns // 1_000_000_000 + AHEAD_S or seconds < feed.newest_s - BEHIND_S):
            return WRONG_TIME
        if is_crossed(tick):
            return CROSSED
        if is_outside(tick, feed):
            return OUTSIDE
        if is_doubtful(tick, feed):
            return JUMP
        feed.newest_s = max(feed.newest_s, seconds)
    feed.suspect = 0.0
    feed.third, feed.second, feed.last = feed.second, feed.last, tick.last_price
    return TAKEN


@compiled("i8(TICK, FEED, i8)")
def traded(tick: Row, feed: Row, day: int) -> int:
    """Return by how much the day's volume rose: all of it on a new day, of the very first tick only its last trade, never less than 0."""
    if feed.volume < 0:
        rise = int(tick.last_quantity)
    elif day > feed.day:
        rise = int(tick.volume)
    else:
        rise = max(int(tick.volume - feed.volume), 0)
    if day > feed.day or tick.volume > feed.volume:
        feed.volume = tick.volume
    return rise


@compiled("void(BAR, i8, i8, i8, TICK, i8)")
def begin(bar: Row, slot: int, start_ns: int, open_ns: int, tick: Row, volume: int) -> None:
    """Begin the minute's bar with its first trade."""
    bar.time_ns = start_ns
    bar.session_minute = (start_ns - open_ns) // 60_000_000_000
    bar.instrument = slot
    bar.open = tick.last_price
    bar.high = tick.last_price
    bar.low = tick.last_price
    bar.close = tick.last_price
    bar.volume = volume
    bar.oi = tick.oi


@compiled("i8(TICK, i8, i8, i8, FEED, BAR, BAR[:], i8)")
def take_trade(tick: Row, slot: int, now_ns: int, until_ns: int, feed: Row, bar: Row, closed: Rows, count: int) -> int:
    """Put a believed tick into its minute; returns the count of closed bars, one more when it opened the next minute."""
    has_volume = tick.mode == MODE_QUOTE or tick.mode == MODE_FULL
    seconds = tick.last_trade_time if tick.last_trade_time > 0 else tick.exchange_time
    time_ns = int(seconds) * 1_000_000_000 if seconds > 0 else now_ns
    day = (time_ns + IST_OFFSET_NS) // DAY_NS
    rise = traded(tick, feed, day) if has_volume else 0
    feed.day = max(feed.day, day)
    earliest = max(until_ns, feed.closed_ns, bar.time_ns)
    if has_volume and rise == 0 and (tick.last_trade_time <= 0 or time_ns < earliest):
        return count  # a quote without a trade
    time_ns = max(time_ns, earliest)
    start_ns = window_start(time_ns, 60, feed.open_ns)
    if bar.time_ns == start_ns:
        bar.high = max(bar.high, tick.last_price)
        bar.low = min(bar.low, tick.last_price)
        bar.close = tick.last_price
        bar.volume += rise
        bar.oi = tick.oi
        return count
    if bar.time_ns > 0:
        feed.closed_ns = bar.time_ns + 60_000_000_000
        if bar.time_ns >= feed.from_ns:
            closed[count] = bar
            count += 1
    begin(bar, slot, start_ns, feed.open_ns, tick, rise)
    return count


@compiled("i8(i8, i8[:], i8[:])")
def slot_of(token: int, tokens: NDArray[Any], slots: NDArray[Any]) -> int:
    """Find the slot of a token among sorted ones by halving; -1 when nobody subscribed it."""
    low, high = 0, len(tokens)
    while low < high:
        middle = (low + high) // 2
        if tokens[middle] < token:
            low = middle + 1
        else:
            high = middle
    return int(slots[low]) if low < len(tokens) and tokens[low] == token else -1


@compiled("i8(TICK[:], i8[:], i8[:], i8, i8, FEED[:], BAR[:], BAR[:], i8[:], i1[:])")
def take_trades(
    ticks: Rows,
    tokens: NDArray[Any],
    token_slots: NDArray[Any],
    now_ns: int,
    until_ns: int,
    feed: Rows,
    forming: Rows,
    closed: Rows,
    slots: NDArray[Any],
    verdicts: NDArray[Any],
) -> int:
    """Judge each tick of a frame and put the believed ones into the minute bars of `forming`.

    `tokens`: sorted, with the slot of each in `token_slots`. `now_ns` stands in where a tick tells no time; minutes that ended by
    `until_ns` are closed. Writes each tick's slot and verdict (TAKEN, ...) and the bars that closed; returns how many closed.
    """
    count = 0
    for i in range(len(ticks)):
        slot = slot_of(ticks[i].instrument_token, tokens, token_slots)
        slots[i] = slot
        if slot < 0:
            verdicts[i] = UNKNOWN_TOKEN
            continue
        verdicts[i] = judge(ticks[i], feed[slot], now_ns)
        if verdicts[i] == TAKEN:
            count = take_trade(ticks[i], slot, now_ns, until_ns, feed[slot], forming[slot], closed, count)
    return count


@compiled("i8(BAR[:], i8, WINDOW[:], BAR[:], BAR[:])")
def fold(minutes: Rows, interval_s: int, windows: Rows, forming: Rows, closed: Rows) -> int:
    """Take closed minute bars into the larger bars of `forming` (by slot); writes those that closed and returns how many.

    `closed` needs room for two a minute: the one that a hole in the data left open, and the minute's own.
    """
    count = 0
    for i in range(len(minutes)):
        minute = minutes[i]
        slot = minute.instrument
        window, bar = windows[slot], forming[slot]
        end_ns = minute.time_ns + 60_000_000_000
        if window.wanted == 0 or end_ns <= window.folded_ns:
            continue
        window.folded_ns = end_ns
        open_ns = open_of(minute)
        start_ns = window_start(minute.time_ns, interval_s, open_ns)
        if bar.time_ns == start_ns:
            extend(bar, minute)
        else:
            count = finish(bar, window, closed, count)
            forming[slot] = minute
            bar.time_ns = start_ns
            bar.session_minute = (start_ns - open_ns) // 60_000_000_000
        if end_ns >= start_ns + interval_s * 1_000_000_000:
            count = finish(bar, window, closed, count)
    return count


@compiled("i8(BAR, WINDOW, BAR[:], i8)")
def finish(bar: Row, window: Row, closed: Rows, count: int) -> int:
    """Close a larger bar, if there is one; it is told only when it is whole. Returns the new count."""
    if bar.time_ns > 0 and bar.time_ns >= window.from_ns:
        closed[count] = bar
        count += 1
    bar.time_ns = 0
    return count

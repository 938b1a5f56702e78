"""Ticks as the smallest of bars: open, high, low and close are one price, so that whatever trades on bars trades on ticks.

A decision on a window of ticks fills at the first tick after it. Ticks of one instrument that were stamped with the same moment stay
in their order, a nanosecond apart, for a replay knows no two steps at one time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.records import BAR, TICK, Rows, record

PRINT = record(
    ("time_ns", "i8"),
    ("price", "f8"),
    ("volume", "f8"),  # of this trade
)
"""One trade as the tape tells it: all that is known of many a tick."""

IST_NS = 19_800_000_000_000
DAY_NS = 86_400_000_000_000


def is_ticks(rows: Rows) -> bool:
    """Tell whether these are TICK or PRINT rows."""
    return rows.dtype in (TICK, PRINT)


def bars_of_ticks(rows: Rows, opens_ns: dict[int, int] | None = None, open_minute: int = 9 * 60 + 15) -> Rows:
    """Make BAR rows, one a tick, of one instrument's TICK or PRINT rows in order of time; what has no price is left out.

    `opens_ns`: when the session of a day opened, by India's day (days since 1970); other days opened `open_minute` minutes after
    midnight. The volume of a TICK is by how much the day's has grown, where it has any, else its last quantity.
    """
    price = rows["last_price"] if rows.dtype == TICK else rows["price"]
    has_price = np.isfinite(price) & (price > 0.0)
    rows, price = rows[has_price], price[has_price]
    made: Rows = np.zeros(len(rows), dtype=BAR)
    made["time_ns"] = _apart(_times(rows))
    days = (made["time_ns"] + IST_NS) // DAY_NS
    opens = days * DAY_NS - IST_NS + open_minute * MINUTE_NS
    for day, open_ns in (opens_ns or {}).items():
        opens[days == day] = open_ns
    made["session_minute"] = (made["time_ns"] - opens) // MINUTE_NS
    for name in ("open", "high", "low", "close"):
        made[name] = price
    made["volume"] = _volumes(rows, days)
    if rows.dtype == TICK:
        made["oi"] = rows["oi"]
    return made


def _times(rows: Rows) -> NDArray[np.int64]:
    if rows.dtype == PRINT:
        return rows["time_ns"].astype(np.int64)
    seconds = np.where(rows["exchange_time"] > 0, rows["exchange_time"], rows["last_trade_time"])
    return np.asarray(seconds * SECOND_NS, dtype=np.int64)


def _apart(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put equal times a nanosecond apart."""
    at = np.arange(len(times))
    is_first = np.diff(times, prepend=times[:1] - 1) != 0
    return times + at - np.maximum.accumulate(np.where(is_first, at, 0))


def _volumes(rows: Rows, days: NDArray[np.int64]) -> NDArray[np.float64]:
    if rows.dtype == PRINT:
        return np.asarray(rows["volume"], dtype=np.float64)
    if not rows["volume"].any():
        return rows["last_quantity"].astype(np.float64)
    rises = np.diff(rows["volume"], prepend=rows["volume"][:1])
    # The first of a day tells what was traded before the recorder heard of it.
    rises[np.diff(days, prepend=days[:1]) != 0] = 0
    return np.maximum(rises, 0).astype(np.float64)

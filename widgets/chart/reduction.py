"""Draws no more candles than there are pixels: many bars become one with their first open, last close, highest high, lowest low.

Groups are counted from the first bar of all, so that they do not flicker while the chart is moved.
"""

from __future__ import annotations

import numpy as np

from engine.core.records import Rows

LEAST_PX = 1.5
"""Below so many pixels a bar, bars are drawn together."""


def group_size(pixels_per_bar: float) -> int:
    """Return how many bars make one candle at this zoom."""
    if pixels_per_bar >= LEAST_PX or pixels_per_bar <= 0:
        return 1
    return int(np.ceil(LEAST_PX / pixels_per_bar))


def reduced(rows: Rows, first: int, last: int, size: int) -> tuple[np.ndarray, Rows]:
    """Return the middles (x) and the bars of places `first` up to and without `last`, `size` bars made into one."""
    if size == 1:
        return np.arange(first, last, dtype=np.float64), rows[first:last]
    first -= first % size
    last = min(len(rows), last + -last % size)
    starts = np.arange(first, last, size)
    taken = rows[first:last]
    at = starts - first
    ends = np.append(at[1:], last - first) - 1
    made = taken[at]
    made["high"] = np.maximum.reduceat(taken["high"], at)
    made["low"] = np.minimum.reduceat(taken["low"], at)
    made["volume"] = np.add.reduceat(taken["volume"], at)
    made["close"] = taken["close"][ends]
    return starts + (ends - at) / 2.0, made

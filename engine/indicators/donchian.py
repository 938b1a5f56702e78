"""The Donchian channel: the highest high and the lowest low of the last bars, and the middle between them.

upper = max(high, period);  lower = min(low, period);  middle = (upper + lower) / 2     (R. Donchian)
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator

LONGEST = 400
"""Bars that a window can hold."""

STATE = record(
    ("value", "f8"), ("upper", "f8"), ("lower", "f8"), ("count", "f8"), ("highs", "f8", (LONGEST,)), ("lows", "f8", (LONGEST,))
)  # fmt: skip

record_type("DONCHIAN", STATE)


@indicator("Donchian channel", STATE, overlay=True, outputs=("upper", "value", "lower"), period=(20, 1, LONGEST))
@compiled("f8(DONCHIAN, f8, f8, f8)")
def update(state: Row, high: float, low: float, period: float) -> float:
    """Take the next bar and return the middle; the bounds are in the state. NaN until there were `period` bars."""
    size, seen = int(period), int(state.count)
    state.highs[seen % size] = high
    state.lows[seen % size] = low
    state.count += 1.0
    upper, lower = high, low
    for index in range(min(seen + 1, size)):
        upper = max(upper, state.highs[index])
        lower = min(lower, state.lows[index])
    is_full = seen + 1 >= size
    state.upper = upper if is_full else math.nan
    state.lower = lower if is_full else math.nan
    state.value = (upper + lower) / 2.0 if is_full else math.nan
    return float(state.value)

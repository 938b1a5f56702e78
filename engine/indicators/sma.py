"""The simple moving average: the mean of the last closes, each as heavy as the others.

The sum is kept as differences from a recent average and reckoned afresh once per turn of the window, so that rounding never piles up.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator

LONGEST = 400
"""Closes that a window can hold."""

STATE = record(("value", "f8"), ("count", "f8"), ("origin", "f8"), ("excess", "f8"), ("closes", "f8", (LONGEST,)))

record_type("SMA", STATE)


@indicator("SMA", STATE, overlay=True, period=(20, 1, LONGEST))
@compiled("f8(SMA, f8, f8)")
def update(state: Row, close: float, period: float) -> float:
    """Take the next close and return the average, NaN until there were `period` closes."""
    size, seen = int(period), int(state.count)
    at = seen % size
    if seen == 0:
        state.origin = close
    if seen >= size:
        state.excess -= state.closes[at] - state.origin
    state.closes[at] = close
    state.excess += close - state.origin
    state.count += 1.0
    if at == size - 1:
        _start_afresh(state, size)
    state.value = state.origin + state.excess / period if seen + 1 >= size else math.nan
    return float(state.value)


@compiled("void(SMA, i8)")
def _start_afresh(state: Row, size: int) -> None:
    state.origin += state.excess / size
    state.excess = 0.0
    for index in range(size):
        state.excess += state.closes[index] - state.origin

"""How far closes scatter about their mean over the last bars: the population standard deviation.

Sums of differences and of their squares are taken from a recent mean and reckoned afresh once per turn of the window: sums of squared
prices would lose what matters in rounding.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator

LONGEST = 400
"""Closes that a window can hold."""

STATE = record(
    ("value", "f8"),
    ("middle", "f8"),
    ("count", "f8"),
    ("origin", "f8"),
    ("excess", "f8"),
    ("squares", "f8"),
    ("closes", "f8", (LONGEST,)),
)

record_type("STDDEV", STATE)


@indicator("Standard deviation", STATE, overlay=False, period=(20, 2, LONGEST))
@compiled("f8(STDDEV, f8, f8)")
def update(state: Row, close: float, period: float) -> float:
    """Take the next close and return the deviation, NaN until there were `period` closes; `state.middle` is their mean."""
    size, seen = int(period), int(state.count)
    at = seen % size
    if seen == 0:
        state.origin = close
    if seen >= size:
        gone = state.closes[at] - state.origin
        state.excess -= gone
        state.squares -= gone * gone
    state.closes[at] = close
    come = close - state.origin
    state.excess += come
    state.squares += come * come
    state.count += 1.0
    if at == size - 1:
        _start_afresh(state, size)
    offset = state.excess / period
    is_full = seen + 1 >= size
    state.middle = state.origin + offset if is_full else math.nan
    state.value = math.sqrt(max(0.0, state.squares / period - offset * offset)) if is_full else math.nan
    return float(state.value)


@compiled("void(STDDEV, i8)")
def _start_afresh(state: Row, size: int) -> None:
    state.origin += state.excess / size
    state.excess = 0.0
    state.squares = 0.0
    for index in range(size):
        difference = state.closes[index] - state.origin
        state.excess += difference
        state.squares += difference * difference

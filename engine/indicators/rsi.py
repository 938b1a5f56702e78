"""The relative strength index: how much of the recent movement was upwards, from 0 to 100.

    RSI = 100 * gain / (gain + loss), where gain and loss are Wilder averages of the rises and falls between closes     (J. W. Wilder, 1978)

The averages begin as means of the first `period` changes. Where nothing has moved at all it is 50: neither strong nor weak.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, fields
from engine.core.registry import indicator

STATE = fields("value", "count", "last", "gain", "loss")

record_type("RSI", STATE)


@indicator("RSI", STATE, overlay=False, period=(14, 2, 200))
@compiled("f8(RSI, f8, f8)")
def update(state: Row, close: float, period: float) -> float:
    """Take the next close and return the index, NaN until there were `period` changes."""
    seen = state.count
    change = close - state.last if seen > 0.0 else 0.0
    rise, fall = max(change, 0.0), max(-change, 0.0)
    state.last = close
    state.count += 1.0
    if seen <= period:
        state.gain += rise / period
        state.loss += fall / period
    else:
        state.gain = (state.gain * (period - 1.0) + rise) / period
        state.loss = (state.loss * (period - 1.0) + fall) / period
    moved = state.gain + state.loss
    state.value = math.nan if seen < period else (100.0 * state.gain / moved if moved > 0.0 else 50.0)
    return float(state.value)

"""The average true range: how far the price usually moves within a bar, gaps between bars included, in rupees.

    true range = max(high, last close) - min(low, last close);  ATR = Wilder average of it     (J. W. Wilder, 1978)

The average begins as the mean of the first `period` true ranges; the first bar has none, for it has no bar before it.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, fields
from engine.core.registry import indicator

STATE = fields("value", "count", "last", "average")

record_type("ATR", STATE)


@indicator("ATR", STATE, overlay=False, period=(14, 1, 200))
@compiled("f8(ATR, f8, f8, f8, f8)")
def update(state: Row, high: float, low: float, close: float, period: float) -> float:
    """Take the next bar and return the average, NaN until there were `period` true ranges."""
    seen = state.count
    true_range = max(high, state.last) - min(low, state.last) if seen > 0.0 else 0.0
    state.last = close
    state.count += 1.0
    if seen <= period:
        state.average += true_range / period
    else:
        state.average = (state.average * (period - 1.0) + true_range) / period
    state.value = state.average if seen >= period else math.nan
    return float(state.value)

"""Supertrend: a line that follows the price at a few average ranges' distance, below it in a rise and above it in a fall.

    bands = (high + low) / 2 +/- multiplier * ATR(period)     (O. Seban)

The lower band only rises while closes stay above it, the upper only falls while they stay below; a close beyond the line turns the
trend, and the line changes to the other band. The first bar that has an ATR begins as a rise.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator
from engine.indicators import atr

STATE = record(("value", "f8"), ("direction", "f8"), ("upper", "f8"), ("lower", "f8"), ("last", "f8"), ("range", atr.STATE))

record_type("SUPERTREND", STATE)


@indicator("Supertrend", STATE, overlay=True, period=(10, 1, 200), multiplier=(3.0, 0.1, 20.0))
@compiled("f8(SUPERTREND, f8, f8, f8, f8, f8)")
def update(state: Row, high: float, low: float, close: float, period: float, multiplier: float) -> float:
    """Take the next bar and return the line; `state.direction` is +1 in a rise, -1 in a fall, 0 and NaN before there is an ATR."""
    reach = multiplier * atr.update(state.range, high, low, close, period)
    if math.isnan(reach):
        state.value = math.nan
        return math.nan
    middle = (high + low) / 2.0
    upper, lower = middle + reach, middle - reach
    if state.direction == 0.0:
        state.direction = 1.0
    else:
        upper = upper if upper < state.upper or state.last > state.upper else state.upper
        lower = lower if lower > state.lower or state.last < state.lower else state.lower
        if state.direction > 0.0 and close < lower:
            state.direction = -1.0
        elif state.direction < 0.0 and close > upper:
            state.direction = 1.0
    state.upper = upper
    state.lower = lower
    state.last = close
    state.value = lower if state.direction > 0.0 else upper
    return float(state.value)

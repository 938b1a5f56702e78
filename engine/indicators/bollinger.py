"""Bollinger bands: the mean of the last closes, and a band of so many standard deviations on either side of it.

middle = mean(close, period);  upper, lower = middle +/- width * population standard deviation     (J. Bollinger)
"""

from __future__ import annotations

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator
from engine.indicators import stddev

STATE = record(("value", "f8"), ("upper", "f8"), ("lower", "f8"), ("spread", stddev.STATE))

record_type("BOLLINGER", STATE)


@indicator(
    "Bollinger bands", STATE, overlay=True, outputs=("upper", "value", "lower"), period=(20, 2, stddev.LONGEST), width=(2.0, 0.1, 10.0)
)
@compiled("f8(BOLLINGER, f8, f8, f8)")
def update(state: Row, close: float, period: float, width: float) -> float:
    """Take the next close and return the middle; the bands are in the state. NaN until there were `period` closes."""
    reach = width * stddev.update(state.spread, close, period)
    state.value = state.spread.middle
    state.upper = state.value + reach
    state.lower = state.value - reach
    return float(state.value)

"""The volume-weighted average price of the day, and a band of so many standard deviations on either side of it.

    typical = (high + low + close) / 3;  VWAP = sum(typical * volume) / sum(volume), from the day's first bar on
    deviation = square root of sum(volume * (typical - VWAP)^2) / sum(volume)

It begins anew each day (IST). Until something was traded it is the price itself.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, fields
from engine.core.registry import indicator

STATE = fields("value", "upper", "lower", "deviation", "day", "origin", "volume", "excess", "squares")

record_type("VWAP", STATE)

DAY_NS = 86_400_000_000_000
IST_NS = 19_800_000_000_000


@indicator("VWAP", STATE, overlay=True, outputs=("upper", "value", "lower"), width=(2.0, 0.1, 10.0))
@compiled("f8(VWAP, i8, f8, f8, f8, f8, f8)")
def update(state: Row, time_ns: int, high: float, low: float, close: float, volume: float, width: float) -> float:
    """Take the next bar and return the day's average; `deviation` and the band are in the state."""
    typical = (high + low + close) / 3.0
    day = float((time_ns + IST_NS) // DAY_NS)
    if day != state.day:
        # Sums are of differences from the day's first price: squared prices would lose in rounding what matters.
        state.day = day
        state.origin = typical
        state.volume = 0.0
        state.excess = 0.0
        state.squares = 0.0
    offset = typical - state.origin
    state.volume += volume
    state.excess += volume * offset
    state.squares += volume * offset * offset
    mean = state.excess / state.volume if state.volume > 0.0 else offset
    state.deviation = math.sqrt(max(0.0, state.squares / state.volume - mean * mean)) if state.volume > 0.0 else 0.0
    state.value = state.origin + mean
    state.upper = state.value + width * state.deviation
    state.lower = state.value - width * state.deviation
    return float(state.value)

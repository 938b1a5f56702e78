"""MACD: the distance between a fast and a slow exponential average, and an average of that distance.

    value = EMA(close, fast) - EMA(close, slow);  signal = EMA(value, signal);  histogram = value - signal     (G. Appel)

Each average is seeded with the first number it sees.
"""

from __future__ import annotations

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator
from engine.indicators import ema

STATE = record(("value", "f8"), ("signal", "f8"), ("histogram", "f8"), ("fast", ema.STATE), ("slow", ema.STATE), ("average", ema.STATE))

record_type("MACD", STATE)


@indicator("MACD", STATE, overlay=False, outputs=("value", "signal", "histogram"), fast=(12, 2, 200), slow=(26, 2, 400), signal=(9, 1, 200))
@compiled("f8(MACD, f8, f8, f8, f8)")
def update(state: Row, close: float, fast: float, slow: float, signal: float) -> float:
    """Take the next close and return the distance; signal and histogram are in the state."""
    state.value = ema.update(state.fast, close, fast) - ema.update(state.slow, close, slow)
    state.signal = ema.update(state.average, state.value, signal)
    state.histogram = state.value - state.signal
    return float(state.value)

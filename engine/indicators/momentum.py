"""Momentum: by what part the close has risen above that of so many bars ago.

momentum = close / close[period bars ago] - 1
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, record
from engine.core.registry import indicator

LONGEST = 400
"""Bars that it can look back."""

STATE = record(("value", "f8"), ("count", "f8"), ("closes", "f8", (LONGEST,)))

record_type("MOMENTUM", STATE)


@indicator("Momentum", STATE, overlay=False, period=(60, 1, LONGEST))
@compiled("f8(MOMENTUM, f8, f8)")
def update(state: Row, close: float, period: float) -> float:
    """Take the next close and return the rise as a fraction, NaN until there was a close `period` bars ago."""
    size, seen = int(period), int(state.count)
    before = state.closes[seen % size]
    state.closes[seen % size] = close
    state.count += 1.0
    state.value = close / before - 1.0 if seen >= size and before > 0.0 else math.nan
    return float(state.value)

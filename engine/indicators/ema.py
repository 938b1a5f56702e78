"""The exponential moving average: recent closes weigh more, and one number remembers all the others.

    alpha = 2 / (period + 1);  EMA[0] = close[0];  EMA[i] = alpha * close[i] + (1 - alpha) * EMA[i-1]

Seeded with the first close, it differs from one seeded with an average until some 20 periods have passed.
"""

from __future__ import annotations

from engine.core.compiled import compiled, record_type
from engine.core.records import Row, fields
from engine.core.registry import indicator

STATE = fields("value", "count")

record_type("EMA", STATE)


@indicator("EMA", STATE, overlay=True, period=(20, 1, 1000))
@compiled("f8(EMA, f8, f8)")
def update(state: Row, close: float, period: float) -> float:
    """Take the next close and return the average."""
    # The first close weighs all; a branch here would cost the compiled loop more than the arithmetic.
    alpha = 2.0 / (period + 1.0) if state.count > 0.0 else 1.0
    state.value = alpha * close + (1.0 - alpha) * state.value
    state.count += 1.0
    return float(state.value)

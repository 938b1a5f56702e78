"""SMA crossover: long while the fast simple average is above the slow one, short while it is below.

Equal averages count as below. The first bar that has both averages only tells which side the market is on; a change of sides after it
is a decision. `stop` and `target` are fractions of the close that was decided on; 0 means none.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import sma

STATE = record(("fast", sma.STATE), ("slow", sma.STATE), ("side", "f8"))
PARAMS = fields("fast", "slow", "stop", "target")


@strategy("SMA crossover", fast=(10, 1, sma.LONGEST), slow=(30, 2, sma.LONGEST), stop=(0.0, 0.0, 0.2), target=(0.0, 0.0, 1.0))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 when fast has come above slow, -1 when it has fallen to it or below."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    fast = sma.update(s.fast, bar.close, p.fast)
    slow = sma.update(s.slow, bar.close, p.slow)
    if math.isnan(fast) or math.isnan(slow):
        return
    side = 1.0 if fast > slow else -1.0
    if s.side != 0.0 and side != s.side:
        intent.target = side
        if p.stop > 0.0:
            intent.stop = bar.close * (1.0 - side * p.stop)
        if p.target > 0.0:
            intent.profit = bar.close * (1.0 + side * p.target)
    s.side = side

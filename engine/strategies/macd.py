"""MACD: long while the distance of two averages is above its own average, short while it is below.

Nothing is decided until `slow` + `signal` bars have gone by, for the averages still remember where they started. `stop` and `target` are
fractions of the close that was decided on; 0 means none.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import macd

STATE = record(("lines", macd.STATE), ("side", "f8"))
PARAMS = fields("fast", "slow", "signal", "stop", "target")


@strategy("MACD", fast=(12, 2, 200), slow=(26, 2, 400), signal=(9, 1, 200), stop=(0.0, 0.0, 0.2), target=(0.0, 0.0, 1.0))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 when the histogram has come above zero, -1 when it has fallen to zero or below."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    seen = s.lines.fast.count
    macd.update(s.lines, bar.close, p.fast, p.slow, p.signal)
    side = 1.0 if s.lines.histogram > 0.0 else -1.0
    if side != s.side and seen >= p.slow + p.signal:
        intent.target = side
        if p.stop > 0.0:
            intent.stop = bar.close * (1.0 - side * p.stop)
        if p.target > 0.0:
            intent.profit = bar.close * (1.0 + side * p.target)
    s.side = side

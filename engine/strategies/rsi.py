"""RSI: buys when the index comes back up out of oversold, sells when it comes back down out of overbought.

Where going short is not allowed the sale only closes what is held. `stop` and `target` are fractions of the close that was decided on;
0 means none.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import rsi

STATE = record(
    ("index", rsi.STATE),
)
PARAMS = fields("period", "oversold", "overbought", "stop", "target")


@strategy(
    "RSI",
    period=(14, 2, 200),
    oversold=(30.0, 1.0, 50.0),
    overbought=(70.0, 50.0, 99.0),
    stop=(0.0, 0.0, 0.2),
    target=(0.0, 0.0, 1.0),
)
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 when the index crosses `oversold` from below, -1 when it crosses `overbought` from above."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    before = s.index.value if s.index.count > p.period else 50.0
    now = rsi.update(s.index, bar.close, p.period)
    side = 0.0
    if before <= p.oversold < now:
        side = 1.0
    elif before >= p.overbought > now:
        side = -1.0
    if side != 0.0:
        intent.target = side
        if p.stop > 0.0:
            intent.stop = bar.close * (1.0 - side * p.stop)
        if p.target > 0.0:
            intent.profit = bar.close * (1.0 + side * p.target)

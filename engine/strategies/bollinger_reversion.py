"""Bollinger reversion: buys below the lower band, sells above the upper, and takes its leave at the middle.

It bets that a price far from its mean comes back. `stop` is a fraction of the close that was decided on; 0 means none. After a stop
nothing is done until the price has been back at the middle.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import bollinger

STATE = record(("bands", bollinger.STATE), ("side", "f8"))
PARAMS = fields("period", "width", "stop")


@strategy("Bollinger reversion", period=(20, 2, 400), width=(2.0, 0.1, 10.0), stop=(0.0, 0.0, 0.2))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 on a close below the lower band, -1 above the upper, 0 once the close has come back to the middle."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    middle = bollinger.update(s.bands, bar.close, p.period, p.width)
    side = s.side
    if bar.close < s.bands.lower:
        side = 1.0
    elif bar.close > s.bands.upper:
        side = -1.0
    elif side * (bar.close - middle) >= 0.0:
        side = 0.0
    if side != s.side:
        s.side = side
        intent.target = side
        if p.stop > 0.0:
            intent.stop = bar.close * (1.0 - side * p.stop)

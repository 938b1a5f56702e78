"""Donchian breakout, the turtles' way: enters beyond the channel of many bars, leaves beyond that of few.

Channels are those of the bars before the one that is decided on. The stop lies `stop_ranges` average true ranges from the close that
was decided on (0: none). After a stop nothing is done until the price has crossed the channel of `exit` bars, which ends the trade
that was.     (R. Dennis, W. Eckhardt: the turtle rules, system 1 without its filter)
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import atr, donchian

STATE = record(("wide", donchian.STATE), ("narrow", donchian.STATE), ("range", atr.STATE), ("side", "f8"))
PARAMS = fields("entry", "exit", "range", "stop_ranges")


@strategy(
    "Donchian breakout",
    entry=(20, 2, donchian.LONGEST),
    exit=(10, 1, donchian.LONGEST),
    range=(20, 1, 200),
    stop_ranges=(2.0, 0.0, 20.0),
)
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 on a close above the wide channel, -1 on one below it, 0 on one beyond the narrow channel's other side."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    is_ready = s.wide.count >= p.entry and s.narrow.count >= p.exit
    upper, lower, leave_above, leave_below = s.wide.upper, s.wide.lower, s.narrow.upper, s.narrow.lower
    donchian.update(s.wide, bar.high, bar.low, p.entry)
    donchian.update(s.narrow, bar.high, bar.low, p.exit)
    reach = atr.update(s.range, bar.high, bar.low, bar.close, p.range)
    if not is_ready:
        return
    side = s.side
    if bar.close > upper:
        side = 1.0
    elif bar.close < lower:
        side = -1.0
    elif (side > 0.0 and bar.close < leave_below) or (side < 0.0 and bar.close > leave_above):
        side = 0.0
    if side != s.side:
        s.side = side
        intent.target = side
        stop = bar.close - side * p.stop_ranges * reach
        if side != 0.0 and p.stop_ranges > 0.0 and stop > 0.0:
            intent.stop = stop

"""Pairs spread: two symbols that belong together; sells the dear one and buys the cheap one, and takes its leave when they are level.

    spread = log(first close) - ratio * log(second close);  z = (spread - mean) / standard deviation, over `lookback` bars

Of the symbols only the first two are looked at. It needs a product that may be sold short. The spread's own figures are kept with the
first symbol.     (E. Gatev, W. Goetzmann, K. Rouwenhorst, 2006)
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, Rows, fields, record
from engine.core.registry import strategy
from engine.indicators import stddev

STATE = record(("spread", stddev.STATE), ("side", "f8"), ("z", "f8"))
PARAMS = fields("lookback", "entry", "exit", "ratio")


@strategy(
    "Pairs spread", universe=True, lookback=(60, 5, stddev.LONGEST), entry=(2.0, 0.1, 10.0), exit=(0.5, 0.0, 10.0), ratio=(1.0, 0.01, 100.0)
)
@compiled("void(f8[:], f8[:], BAR[:], INTENT[:])")
def on_bars(state: Row, params: Row, bars: Rows, intents: Rows) -> None:
    """Want -1 of the first and +1 of the second when z is above `entry`, the opposite below -`entry`, nothing within `exit`."""
    if len(bars) < 2 or math.isnan(bars[0].close) or math.isnan(bars[1].close):
        return
    s, p = state.view(STATE)[0], row_of(params, PARAMS)
    spread = math.log(bars[0].close) - p.ratio * math.log(bars[1].close)
    deviation = stddev.update(s.spread, spread, p.lookback)
    if not deviation > 0.0:
        return
    s.z = (spread - s.spread.middle) / deviation
    side = s.side
    if s.z > p.entry:
        side = -1.0
    elif s.z < -p.entry:
        side = 1.0
    elif abs(s.z) < p.exit:
        side = 0.0
    if side != s.side:
        s.side = side
        intents[0].target = side
        intents[1].target = -side

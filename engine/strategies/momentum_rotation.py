"""Momentum rotation: holds the few symbols that have risen most, and looks again every so many bars.

Of all symbols it holds the `top` ones by their rise over `lookback` bars, as long as they have risen at all; of equal ones those named
first. It never goes short.     (N. Jegadeesh, S. Titman, 1993: returns to buying winners; here without selling losers)
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, Rows, fields, record
from engine.core.registry import strategy
from engine.indicators import momentum

STATE = record(("rise", momentum.STATE), ("held", "f8"), ("seen", "f8"))
PARAMS = fields("lookback", "top", "every")


@strategy("Momentum rotation", universe=True, lookback=(60, 1, momentum.LONGEST), top=(1, 1, 50), every=(15, 1, 10_000))
@compiled("void(f8[:], f8[:], BAR[:], INTENT[:])")
def on_bars(state: Row, params: Row, bars: Rows, intents: Rows) -> None:
    """Want 1 of each symbol that has come among the top ones, 0 of each that has left them."""
    symbols, p = state.view(STATE), row_of(params, PARAMS)
    for k in range(len(bars)):
        if not math.isnan(bars[k].close):
            momentum.update(symbols[k].rise, bars[k].close, p.lookback)
    symbols[0].seen += 1.0
    if symbols[0].seen % p.every != 0.0:
        return
    for k in range(len(bars)):
        own, better = symbols[k].rise.value, 0
        for j in range(len(bars)):
            other = symbols[j].rise.value
            if symbols[j].rise.count > p.lookback and (other > own or (other == own and j < k)):
                better += 1
        wanted = 1.0 if symbols[k].rise.count > p.lookback and own > 0.0 and better < p.top else 0.0
        if wanted != symbols[k].held:
            symbols[k].held = wanted
            intents[k].target = wanted

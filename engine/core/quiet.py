"""How long nothing can happen to a position: so long a plain-Python strategy may ask for it without the replay being walked.

It looks at bars to come, as a broker's order does that rests there; what it tells is only when to look again, never what was seen.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled
from engine.core.execution import is_reached
from engine.core.records import Rows

FARTHEST = 4_096
"""Bars to look at in one go, so that asking after every order costs no more than the order."""


@compiled("i8(RUN[:], LEG[:], i8, BAR[:], i8)")
def quiet_until(runs: Rows, legs: Rows, k: int, bars: Rows, first: int) -> int:
    """Return the first bar, from `first` on, that could change what leg `k` holds as long as its strategy wants nothing new."""
    run, leg = runs[0], legs[k]
    last = min(len(bars), first + FARTHEST)
    if leg.count == 0 and leg.position.quantity == 0 and leg.is_waiting == 0:
        return len(bars)
    if leg.is_waiting != 0 or not math.isnan(leg.trail):
        return first
    for index in range(first, last):
        bar = bars[index]
        if bar.time_ns + run.base_ns >= run.next_square:
            return index
        if bar.instrument == k and is_reached(leg, bar):
            return index
    return last

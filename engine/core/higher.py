"""Larger bars inside a template: gathered from its own bars, anchored at the session's open, and seen only once they are closed.

    STATE = record(("quarter", higher.STATE), ("trend", ema.STATE))
    PARAMS = fields("length", "bar_minutes")            # bar_minutes: length of the template's own bars, filled in by who runs it

    for step in range(higher.STEPS):
        if higher.closes(s.quarter, bar, step, 15.0, p.bar_minutes):
            ema.update(s.trend, s.quarter.close, p.length)

A window is closed by the bar that ends it or, after a hole, by the first one beyond it; both may happen on one bar, hence two steps.
A window that had begun before the first bar is not whole and is left out.
"""

from __future__ import annotations

from engine.core.bars import open_of, window_start
from engine.core.compiled import compiled, record_type
from engine.core.records import Row, fields

STATE = fields(
    "open", "high", "low", "close", "volume", "oi", "session_minute", "count",
    "end_s", "is_whole", "seen", "new_open", "new_high", "new_low", "new_close", "new_volume", "new_oi", "new_minute",
)  # fmt: skip
"""The last closed bar, how many there were (`count`), and the one that is forming."""

record_type("HIGHER", STATE)

STEPS = 2
"""Steps of each own bar: first what a hole has left open is closed, then the bar is taken in."""


@compiled("void(HIGHER, BAR, f8)")
def _begin(state: Row, bar: Row, minutes: float) -> None:
    opened = open_of(bar)
    start = window_start(bar.time_ns, int(60.0 * minutes), opened)
    state.end_s = start // 1_000_000_000 + 60.0 * minutes
    state.is_whole = 1.0 if state.seen > 0.0 or start == bar.time_ns else 0.0
    state.seen = 1.0
    state.new_minute = (start - opened) // 60_000_000_000
    state.new_open = bar.open
    state.new_high = bar.high
    state.new_low = bar.low
    state.new_close = bar.close
    state.new_volume = bar.volume
    state.new_oi = bar.oi


@compiled("void(HIGHER, BAR)")
def _extend(state: Row, bar: Row) -> None:
    state.new_high = max(state.new_high, bar.high)
    state.new_low = min(state.new_low, bar.low)
    state.new_close = bar.close
    state.new_volume += bar.volume
    state.new_oi = bar.oi


@compiled("b1(HIGHER)")
def _close(state: Row) -> bool:
    """Close what is forming; tells whether it was whole, and so is seen."""
    state.end_s = 0.0
    if state.is_whole == 0.0:
        return False
    state.open = state.new_open
    state.high = state.new_high
    state.low = state.new_low
    state.close = state.new_close
    state.volume = state.new_volume
    state.oi = state.new_oi
    state.session_minute = state.new_minute
    state.count += 1.0
    return True


@compiled("b1(HIGHER, BAR, i8, f8, f8)")
def closes(state: Row, bar: Row, step: int, minutes: float, bar_minutes: float) -> bool:
    """Go one of the two steps of an own bar, `bar_minutes` long; tells whether a bar of `minutes` has closed, which `state` then shows."""
    begins = float(bar.time_ns // 1_000_000_000)
    if step == 0:
        return 0.0 < state.end_s <= begins and _close(state)
    if state.end_s == 0.0:
        _begin(state, bar, minutes)
    else:
        _extend(state, bar)
    return begins + 60.0 * bar_minutes >= state.end_s and _close(state)

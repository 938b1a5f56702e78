"""Supertrend: long in a rise, short in a fall, with the line itself as the stop that follows.

A decision is made when the trend turns; in between the stop is moved along with the line. After a stop nothing is done until the next
turn.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import supertrend

STATE = record(
    ("trend", supertrend.STATE),
)
PARAMS = fields("period", "multiplier")


@strategy("Supertrend", period=(10, 1, 200), multiplier=(3.0, 0.1, 20.0))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want the side of the trend when it turns, and the stop on the line always."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    before = s.trend.direction
    line = supertrend.update(s.trend, bar.high, bar.low, bar.close, p.period, p.multiplier)
    if before != 0.0:
        intent.stop = line
        if s.trend.direction != before:
            intent.target = s.trend.direction

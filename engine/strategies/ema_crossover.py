"""EMA crossover: long while the fast average is above the slow one, short while it is below.

Both averages start at the first close. A change of sides between the last bar and this one is a decision; until `warmup` bars have
gone by (0: as many as the slow average's period) no decision is made, for the averages still remember where they started. `stop`
and `target` are fractions of the close that was decided on; 0 means none.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import ema

STATE = record(("fast", ema.STATE), ("slow", ema.STATE), ("is_above", "f8"))
PARAMS = fields("fast_ema", "slow_ema", "stop", "target", "warmup")


@strategy(
    "EMA crossover",
    fast_ema=(9, 2, 200),
    slow_ema=(21, 5, 400),
    stop=(0.0, 0.0, 0.2),
    target=(0.0, 0.0, 1.0),
    warmup=(0, 0, 100_000),
)
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 when fast has come above slow, -1 when it has fallen to it or below."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    seen = s.fast.count
    fast = ema.update(s.fast, bar.close, p.fast_ema)
    slow = ema.update(s.slow, bar.close, p.slow_ema)
    is_above = 1.0 if fast > slow else 0.0
    has_crossed = is_above != s.is_above
    s.is_above = is_above
    if has_crossed and seen >= (p.warmup if p.warmup > 0.0 else p.slow_ema):
        side = 1.0 if is_above > 0.0 else -1.0
        intent.target = side
        if p.stop > 0.0:
            intent.stop = bar.close * (1.0 - side * p.stop)
        if p.target > 0.0:
            intent.profit = bar.close * (1.0 + side * p.target)

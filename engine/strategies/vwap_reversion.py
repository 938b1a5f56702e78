"""VWAP reversion: buys well below the day's average price, sells well above it, and takes its leave at the average.

Well below is `width` standard deviations. Nothing is entered in the first `warmup` minutes of a session, nor from `exit_minute` on (0:
never), when whatever is held is closed. `stop` is a fraction of the close that was decided on; 0 means none. After a stop nothing is
done until the price has been back at the average.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields, record
from engine.core.registry import strategy
from engine.indicators import vwap

STATE = record(("average", vwap.STATE), ("side", "f8"))
PARAMS = fields("width", "warmup", "exit_minute", "stop")


@strategy("VWAP reversion", width=(2.0, 0.1, 10.0), warmup=(15, 0, 240), exit_minute=(360, 0, 1000), stop=(0.0, 0.0, 0.2))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 on a close below the lower band, -1 above the upper, 0 at the average and at `exit_minute`."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    average = vwap.update(s.average, bar.time_ns, bar.high, bar.low, bar.close, bar.volume, p.width)
    minute, side = float(bar.session_minute), s.side
    if p.exit_minute > 0.0 and minute >= p.exit_minute:
        side = 0.0
    elif minute >= p.warmup and bar.close < s.average.lower:
        side = 1.0
    elif minute >= p.warmup and bar.close > s.average.upper:
        side = -1.0
    elif side * (bar.close - average) >= 0.0:
        side = 0.0
    if side != s.side:
        s.side = side
        intent.target = side
        if side != 0.0 and p.stop > 0.0:
            intent.stop = bar.close * (1.0 - side * p.stop)

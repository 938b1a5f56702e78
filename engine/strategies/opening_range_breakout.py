"""Opening-range breakout: trades the first close beyond the range of the day's first minutes, once a day and side.

The stop lies at the other end of the range, the target (0: none) at so many times the range beyond the close that was decided on. From
`exit_minute` of the session on (0: never) whatever is held is closed and nothing is entered.
"""

from __future__ import annotations

from engine.core.compiled import compiled, row_of
from engine.core.records import Row, fields
from engine.core.registry import strategy

STATE = fields("day", "high", "low", "has_bought", "has_sold")
PARAMS = fields("range_minutes", "reward", "exit_minute")

DAY_NS = 86_400_000_000_000
IST_NS = 19_800_000_000_000


@strategy("Opening-range breakout", range_minutes=(15, 1, 240), reward=(0.0, 0.0, 20.0), exit_minute=(360, 0, 1000))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Row, params: Row, bar: Row, intent: Row) -> None:
    """Want +1 on the day's first close above the range, -1 on the first below it, 0 at `exit_minute`."""
    s, p = row_of(state, STATE), row_of(params, PARAMS)
    day = float((bar.time_ns + IST_NS) // DAY_NS)
    if day != s.day:
        s.day = day
        s.high = 0.0
        s.low = 0.0
        s.has_bought = 0.0
        s.has_sold = 0.0
    minute = float(bar.session_minute)
    if minute < p.range_minutes:
        s.high = max(s.high, bar.high)
        s.low = min(s.low, bar.low) if s.low > 0.0 else bar.low
    elif p.exit_minute > 0.0 and minute >= p.exit_minute:
        if s.has_bought + s.has_sold > 0.0:
            s.has_bought = 0.0
            s.has_sold = 0.0
            intent.target = 0.0
        s.high = 0.0
    elif s.high > 0.0 and s.has_bought == 0.0 and bar.close > s.high:
        s.has_bought = 1.0
        intent.target = 1.0
        intent.stop = s.low
        if p.reward > 0.0:
            intent.profit = bar.close + p.reward * (s.high - s.low)
    elif s.high > 0.0 and s.has_sold == 0.0 and bar.close < s.low:
        s.has_sold = 1.0
        intent.target = -1.0
        intent.stop = s.high
        if p.reward > 0.0:
            intent.profit = bar.close - p.reward * (s.high - s.low)

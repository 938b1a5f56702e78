"""Opens nothing more on a day that has lost so much, open positions and charges included."""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import ALLOWED, DAY_LOST, has_lost_day
from engine.core.records import Row
from engine.core.registry import rule


@rule(
    "max_daily_loss",
    code=DAY_LOST,
    limit=3000.0,
    unit="rupees",
    explain="Expected a day's loss below Rs {limit:g}, was Rs {day_loss}; only exits pass until the next day.",
)
@compiled("i4(ACCOUNT, POSITION, ORDER, LIMITS)")
def check(account: Row, position: Row, order: Row, limits: Row) -> int:
    """Return DAY_LOST when the day has lost too much to open anything, else 0."""
    if order.is_exit != 0:
        return ALLOWED
    return DAY_LOST if has_lost_day(account.day_start, account.equity, limits.max_daily_loss) else ALLOWED

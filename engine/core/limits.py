"""How much may be risked: the arithmetic of cash, positions, size, daily loss and drawdown, asked before every order.

The risk rules and the compiled replay call these same functions, so that both refuse the same orders. Money is in units of 1/10,000
rupee, percentages are of capital; a limit that is NaN was not given and never refuses. What only reduces a position is never refused.
"""

from __future__ import annotations

from engine.core.compiled import compiled, record_type
from engine.core.records import fields

LIMITS = fields("cash", "max_positions", "max_position_size", "max_daily_loss", "max_drawdown", "max_order_value", "max_order_quantity")
"""Limits of a run: whether cash is looked at (0 = not), count, % of capital, units, % of peak equity, units, quantity; NaN = not given."""

record_type("LIMITS", LIMITS)

ALLOWED, NO_CASH, TOO_MANY, TOO_LARGE, DAY_LOST, DRAWN_DOWN, VALUE_TOO_HIGH, QUANTITY_TOO_HIGH, TOO_MANY_SLICES = range(9)
"""Why an order was refused, in the order in which it is asked; the slices are counted first of all."""

SLICES = 10
"""Into so many orders of the freeze quantity one may be cut at most."""


@compiled("i8(i8, i8)")
def opened_by(held: int, quantity: int) -> int:
    """Return by how much an order (signed) makes a position larger without its sign; 0 when it only reduces or turns it."""
    return max(0, abs(held + quantity) - abs(held))


@compiled("i8(i8, i8, i8)")
def free_cash(equity: int, exposure: int, reserved: int) -> int:
    """Return what new positions may be bought with: equity, less what is held at market value, less what working orders may take.

    A short position binds as much as a long one.
    """
    return equity - exposure - reserved


@compiled("b1(i8, i8)")
def lacks_cash(value: int, free: int) -> bool:
    """Tell whether what an order opens is worth more than the free cash."""
    return value > free


@compiled("b1(i8, f8)")
def has_too_many(others: int, limit: float) -> bool:
    """Tell whether a position more is one too many, when `others` are held or being entered."""
    return others + 1 > limit


@compiled("b1(i8, i8, f8)")
def is_too_large(value: int, capital: int, limit_pct: float) -> bool:
    """Tell whether a position would be worth more than its percentage of capital."""
    return value > capital * limit_pct / 100.0


@compiled("b1(i8, i8, f8)")
def has_lost_day(day_start: int, equity: int, limit: float) -> bool:
    """Tell whether the day's loss, open positions and charges included, has reached its limit."""
    return day_start - equity >= limit


@compiled("b1(i8, i8, f8)")
def is_drawn_down(peak: int, equity: int, limit_pct: float) -> bool:
    """Tell whether equity has fallen from its peak by the percentage of that peak."""
    return peak - equity >= peak * limit_pct / 100.0

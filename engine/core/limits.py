"""How much may be risked: the arithmetic of cash, positions, size, daily loss and drawdown, asked before every order.

The risk rules and the compiled replay call these same functions, so that both refuse the same orders. Money is in units of 1/10,000
rupee, percentages are of capital; a limit that is NaN was not given and never refuses. What only reduces a position is never refused.
"""

from __future__ import annotations

from engine.core.compiled import compiled, record_type
from engine.core.records import fields

LIMITS = fields(
    "cash",  # whether it is looked at; 0 = not
    "max_positions",  # count
    "max_position_size",  # % of capital
    "max_daily_loss",  # units
    "max_drawdown",  # % of peak equity
    "max_order_value",  # units
    "max_order_quantity",  # shares
    "max_order_share",  # % of equity
    "max_order_lots",  # of futures and options
    "max_position_lots",
    "gross_exposure",  # times equity
)
"""Limits of a run; NaN = not given."""

record_type("LIMITS", LIMITS)

ALLOWED, NO_CASH, TOO_MANY, TOO_LARGE, DAY_LOST, DRAWN_DOWN, VALUE_TOO_HIGH, QUANTITY_TOO_HIGH, TOO_MANY_SLICES = range(9)
"""Why an order was refused, in the order in which it is asked; the slices are counted first of all."""

SHARE_TOO_HIGH, LOTS_TOO_MANY, LOTS_HELD_TOO_MANY, GROSS_TOO_HIGH = 20, 21, 22, 23
"""The same, asked after those above: a part of equity, lots of an order and of a position, the market value of everything."""

CODES = 24
"""One more than the largest of them."""

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


@compiled("b1(i8, i8, f8)")
def is_large_share(value: int, equity: int, limit_pct: float) -> bool:
    """Tell whether an order is worth more than its percentage of equity."""
    return value > equity * limit_pct / 100.0


@compiled("b1(i8, i8, f8)")
def has_too_many_units(quantity: int, contract_lot: int, limit: float) -> bool:
    """Tell whether an order asks for too many shares; futures and options (a lot above 0) are counted in lots instead."""
    return contract_lot == 0 and abs(quantity) > limit


@compiled("b1(i8, i8, f8)")
def has_too_many_lots(quantity: int, contract_lot: int, limit: float) -> bool:
    """Tell whether so much of a future or an option is too many lots; shares (a lot of 0) never are."""
    return contract_lot > 0 and abs(quantity) > limit * contract_lot


@compiled("b1(i8, i8, i8, f8)")
def is_overstretched(free: int, opened: int, equity: int, limit: float) -> bool:
    """Tell whether everything held, on its way and newly opened is worth more than so many times the equity.

    `free` is `free_cash`: what is held and on its way is the rest of equity. Nothing that opens nothing is refused.
    """
    return opened > 0 and equity - free + opened > limit * equity

"""Whether the limits of a run let an order of a replay pass: the same questions, in the same order, as the risk rules ask live.

What only reduces a position is not asked about; the first limit that refuses is the answer.
"""

from __future__ import annotations

from engine.core.compiled import compiled
from engine.core.limits import (
    ALLOWED,
    DAY_LOST,
    DRAWN_DOWN,
    GROSS_TOO_HIGH,
    LOTS_HELD_TOO_MANY,
    LOTS_TOO_MANY,
    NO_CASH,
    QUANTITY_TOO_HIGH,
    SHARE_TOO_HIGH,
    TOO_LARGE,
    TOO_MANY,
    TOO_MANY_SLICES,
    VALUE_TOO_HIGH,
    free_cash,
    has_too_many,
    has_too_many_lots,
    has_too_many_units,
    is_large_share,
    is_overstretched,
    is_too_large,
    lacks_cash,
    opened_by,
)
from engine.core.records import Row, Rows

REFUSALS = {
    NO_CASH: "cash",
    TOO_MANY: "max_positions",
    TOO_LARGE: "max_position_size",
    DAY_LOST: "max_daily_loss",
    DRAWN_DOWN: "max_drawdown",
    VALUE_TOO_HIGH: "max_order_value",
    QUANTITY_TOO_HIGH: "max_order_quantity",
    TOO_MANY_SLICES: "tick_and_lot",
    SHARE_TOO_HIGH: "max_order_share",
    LOTS_TOO_MANY: "max_order_lots",
    LOTS_HELD_TOO_MANY: "max_position_lots",
    GROSS_TOO_HIGH: "gross_exposure",
}
"""Names of the rules by the codes of `limits`."""


@compiled("i8(LIMITS, LEG, i8, i8, i8, i8, i8)")
def check_size(limits: Row, leg: Row, quantity: int, each: int, opened: int, equity: int, free: int) -> int:
    """Return ALLOWED, or the first limit on its own size that refuses an order (signed) of units worth `each`, opening `opened`."""
    value, lot = abs(quantity) * each, leg.sizing.contract_lot
    if value > limits.max_order_value:
        return VALUE_TOO_HIGH
    if has_too_many_units(quantity, lot, limits.max_order_quantity):
        return QUANTITY_TOO_HIGH
    if is_large_share(value, equity, limits.max_order_share):
        return SHARE_TOO_HIGH
    if has_too_many_lots(quantity, lot, limits.max_order_lots):
        return LOTS_TOO_MANY
    if has_too_many_lots(leg.position.quantity + quantity, lot, limits.max_position_lots):
        return LOTS_HELD_TOO_MANY
    return GROSS_TOO_HIGH if is_overstretched(free, opened, equity, limits.gross_exposure) else ALLOWED


@compiled("i8(RUN, LEG[:], i8, i8, i8)")
def check(run: Row, legs: Rows, k: int, quantity: int, price: int) -> int:
    """Return ALLOWED, or the first limit that refuses leg `k` an order (signed, at a price in units) which is more than an exit."""
    limits, leg = run.limits, legs[k]
    others, exposure, reserved = 0, 0, 0
    for j in range(len(legs)):
        other = legs[j]
        exposure += abs(other.value)
        reserved += other.reserved
        if j != k and (other.position.quantity != 0 or other.is_entering != 0):
            others += 1
    held, each = leg.position.quantity, price * leg.multiplier
    if limits.cash != 0.0 and lacks_cash(opened_by(held, quantity) * each, free_cash(run.account.equity, exposure, reserved)):
        return NO_CASH
    if has_too_many(others, limits.max_positions):
        return TOO_MANY
    if is_too_large(abs(held + quantity) * each, run.capital, limits.max_position_size):
        return TOO_LARGE
    if run.is_stopped != 0:
        return DAY_LOST if run.is_stopped & 1 else DRAWN_DOWN
    opened = opened_by(held, quantity) * each
    return check_size(limits, leg, quantity, each, opened, run.account.equity, free_cash(run.account.equity, exposure, reserved))

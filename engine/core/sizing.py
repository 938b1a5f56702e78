"""How many to buy or sell: turns a strategy's wish into at most one order, of whole lots, within the risk that was allowed.

The compiled replay calls `size_of`, `wanted_quantity` and `purpose_of`; a running strategy calls `order_for`, which stands on the
same three, so that both ask for the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.core.compiled import compiled, record_type
from engine.core.errors import InvalidOption, UserError
from engine.core.grid import price_units, to_tick
from engine.core.model import UNITS, Instrument, OrderRequest, OrderType, Product, Purpose, Side
from engine.core.records import ENTRY, EXIT, REASONS, REVERSAL, Row, Rows, record

FIXED, RISK, KELLY = 0, 1, 2
"""Modes of SIZING."""

NO_SIZE = -1
"""What `size_of` returns when nothing tells how much: risk sizing with neither a stop nor `max_position_size`."""

_FRACTION = re.compile(r"[01](\.[0-9]{1,6})?", re.ASCII)
"""A part of Kelly's percentage, as it is written."""

_NOISE = 1e-9
"""So much may a product of floats fall short of the whole number that was meant."""

SIZING = record(
    ("mode", "i1"),
    ("can_short", "i1"),
    ("fixed", "i8"),  # quantity of FIXED
    ("risk_pct", "f8"),  # of equity, lost when the stop is hit; 0 = not given
    ("max_position_pct", "f8"),  # of equity, value of the position; 0 = not given
    ("lot", "i8"),
    ("multiplier", "i8"),
    ("contract_lot", "i8"),  # lot of a future or an option; 0 = shares
    ("most", "i8"),  # quantity that the limits of an order let pass; 0 = any
    ("most_units", "i8"),  # value that they let pass, in money units; 0 = any
    ("most_pct", "f8"),  # value that they let pass, in % of equity; 0 = any
    ("fraction", "f8"),  # of Kelly's percentage, in mode KELLY
    ("bet_pct", "f8"),  # of equity, what that comes to by the trades so far; NaN = too few to tell
)

record_type("SIZING", SIZING)


_TYPES = {
    (False, False): OrderType.MARKET,
    (True, False): OrderType.LIMIT,
    (False, True): OrderType.SL_M,
    (True, True): OrderType.SL,
}
"""Types of order by whether they have a limit and a trigger."""


@compiled("i8(f8, i8)")
def whole_lots(quantity: float, lot: int) -> int:
    """Return the quantity, not negative, cut down to whole lots."""
    return math.floor(quantity / lot + _NOISE) * lot


@compiled("i8(SIZING, i8, f8, f8)")
def size_of(sizing: Row, equity_units: int, price: float, stop: float) -> int:
    """Return the quantity, in whole lots, that a target of 1 stands for at this equity, price and stop (NaN = no stop).

    By risk: what loses `risk_pct` of equity when the stop is hit, at most `max_position_pct` of equity in value; without a stop
    `max_position_pct` alone; NO_SIZE without either. By Kelly: besides, at most `bet_pct` of equity in value, once that is known.
    Both are cut down to what the limits of an order let pass; a fixed size is not: a limit refuses it, and says so. 0 when the price or
    the equity is not above zero.
    """
    if sizing.mode == FIXED:
        return whole_lots(float(sizing.fixed), sizing.lot)
    if not price > 0.0:
        return 0
    quantity = math.inf
    distance = price_units(abs(price - stop)) if math.isfinite(stop) else 0
    if sizing.risk_pct > 0.0 and distance > 0:
        quantity = equity_units * sizing.risk_pct / 100.0 / (distance * sizing.multiplier)
    each = max(1, price_units(price)) * sizing.multiplier
    if sizing.max_position_pct > 0.0:
        quantity = min(quantity, equity_units * sizing.max_position_pct / 100.0 / each)
    if sizing.mode == KELLY and not math.isnan(sizing.bet_pct):
        quantity = min(quantity, equity_units * sizing.bet_pct / 100.0 / each)
    if quantity == math.inf:
        return NO_SIZE
    return whole_lots(max(0.0, min(quantity, largest_order(sizing, equity_units, each))), sizing.lot)


@compiled("f8(SIZING, i8, i8)")
def largest_order(sizing: Row, equity_units: int, each: int) -> float:
    """Return the quantity, of units worth `each`, that the limits of an order let pass; infinity when they were not given."""
    most = math.inf
    if sizing.most > 0:
        most = float(sizing.most)
    if sizing.most_units > 0:
        most = min(most, sizing.most_units / each)
    if sizing.most_pct > 0.0:
        most = min(most, equity_units * sizing.most_pct / 100.0 / each)
    return most


@compiled("i8(f8, f8, i8, i8, i8, b1)")
def wanted_quantity(target: float, held_target: float, position: int, size: int, lot: int, can_short: bool) -> int:
    """Return the signed quantity that the strategy wants to hold; the position itself when there is nothing to do.

    `target` is in units of size (NaN = no change); `held_target` is the target last acted on. A target of the same sign and
    magnitude as that of the open position is not sized again; while flat every target is a new wish.
    """
    if math.isnan(target):
        return position
    wish = target if can_short else max(0.0, target)
    if wish == 0.0:
        return 0
    quantity = whole_lots(abs(wish) * max(0, size), lot)
    if position != 0 and (position > 0) == (wish > 0.0) and (quantity == 0 or abs(wish) == abs(held_target)):
        return position
    return quantity if wish > 0.0 else -quantity


@compiled("i1(i8, i8)")
def purpose_of(position: int, wanted: int) -> int:
    """Return ENTRY, EXIT or REVERSAL (of `records`): why the order from a position to another one is sent."""
    if position * wanted < 0:
        return REVERSAL
    return ENTRY if abs(wanted) > abs(position) else EXIT


@dataclass(frozen=True, slots=True)
class Sizing:
    """How a strategy's orders are sized: a fixed quantity, by risk, or by a fraction of Kelly's percentage."""

    mode: int
    fixed: int = 0
    fraction: float = 0.0

    def row(
        self,
        instrument: Instrument,
        product: Product,
        *,
        risk_pct: float = 0.0,
        max_position_pct: float = 0.0,
        can_short: bool = True,
        limits: Mapping[str, float] | None = None,
    ) -> Rows:
        """Make the SIZING record (one row) for an instrument; what is not delivered the same day is never sold short.

        `limits` are by the names of the rules; those of an order cap what is not fixed.
        """
        row: Rows = np.zeros(1, SIZING)
        row[0] = (
            self.mode,
            can_short and may_short(product),
            self.fixed,
            risk_pct,
            max_position_pct,
            instrument.lot_size,
            instrument.multiplier,
            instrument.contract_lot,
            *order_caps(limits or {}, instrument),
            self.fraction,
            math.nan,
        )
        return row


def order_caps(limits: Mapping[str, float], instrument: Instrument, margin_pct: float = 0.0) -> tuple[int, int, float]:
    """Return quantity, value in money units and value in % of equity that the limits let one order be, each 0 where it may be any.

    `margin_pct`: by how much an order at market is reckoned dearer than the price it is sized by. A limit of nothing at all caps nothing:
    it refuses, and says so.
    """
    lot = instrument.contract_lot
    most = limits.get("max_order_lots", 0.0) * lot if lot else limits.get("max_order_quantity", 0.0)
    if lot and (held := limits.get("max_position_lots", 0.0) * lot):
        most = min(most or held, held)
    dearer = 1.0 + margin_pct / 100.0
    return int(most), int(limits.get("max_order_value", 0.0) * UNITS / dearer), limits.get("max_order_share", 0.0) / dearer


def parse_sizing(text: str) -> Sizing:
    """Read `risk`, `kelly:F` (a part of Kelly's percentage) or `fixed:N`; raises InvalidOption saying what was expected."""
    mode, colon, number = text.strip().partition(":")
    if mode == "risk" and not colon:
        return Sizing(RISK)
    if mode == "fixed" and number.isdecimal() and int(number) > 0:
        return Sizing(FIXED, int(number))
    if mode == "kelly" and _FRACTION.fullmatch(number) and 0.0 < float(number) <= 1.0:
        return Sizing(KELLY, fraction=float(number))
    raise InvalidOption(
        f'Expected sizing "risk", "kelly:F" with F above 0 and up to 1, or "fixed:N" with N from 1, was "{text}"; give fixed:10, say.'
    )


def may_short(product: Product) -> bool:
    """Tell whether the product lets one sell what is not held."""
    return product not in (Product.CNC, Product.MTF)


def size_for(sizing: Row, equity_units: int, price: float, stop: float) -> int:
    """Return `size_of`, or raise UserError when nothing tells how much."""
    size = size_of.plain(sizing, equity_units, price, stop)
    if size == NO_SIZE:
        raise UserError(
            "Expected a stop (with max_risk_per_trade) or max_position_size to size the order by risk, was neither; "
            "give max_position_size, or fixed:N as sizing."
        )
    return size


def order_for(
    intent: Row,
    instrument: Instrument,
    position: int,
    held_target: float,
    size: int,
    *,
    product: Product,
    owner: str,
    price: float,
    can_short: bool = True,
) -> OrderRequest | None:
    """Return the one order that leads from the position (signed quantity) to what the intent wants, or None.

    `price` is the close that was decided on. A limit order at `intent.limit` when there is one, a stop order with an
    `intent.trigger`, a stop-limit with both, else a market order; stop, target and trail travel with an order that leaves a position
    open. Prices are put on the grid; a limit short of its trigger is put on the trigger.
    """
    lot = instrument.lot_size
    wanted = wanted_quantity(float(intent.target), held_target, position, size, lot, can_short and may_short(product))
    if wanted == position:
        return None
    tick, side = float(instrument.tick_size), Side.BUY if wanted > position else Side.SELL
    limit, trigger = prices_of(intent, tick, side)
    is_open = wanted != 0
    return OrderRequest(
        instrument=instrument,
        side=side,
        quantity=abs(wanted - position),
        order_type=_TYPES[limit is not None, trigger is not None],
        product=product,
        price=limit,
        trigger_price=trigger,
        owner=owner,
        purpose=Purpose(REASONS[purpose_of(position, wanted)]),
        reference_price=price,
        stop=_price(intent.stop, tick) if is_open else None,
        target=_price(intent.profit, tick) if is_open else None,
        trail=float(intent.trail) if is_open and math.isfinite(intent.trail) else None,
        is_sliced=instrument.must_slice(abs(wanted - position)),
    )


def prices_of(intent: Row, tick: float, side: Side) -> tuple[float | None, float | None]:
    """Return limit and trigger, on the grid, of the order of that side that an intent asks for; None = without."""
    limit, trigger = _price(intent.limit, tick), _price(intent.trigger, tick) if intent.trigger > 0.0 else None
    if limit is not None and trigger is not None:
        limit = max(limit, trigger) if side is Side.BUY else min(limit, trigger)
    return limit, trigger


def entry_price(intent: Row, instrument: Instrument, close: float) -> float:
    """Return the price by which an intent is sized: its trigger, else the close that was decided on."""
    return to_tick(float(intent.trigger), float(instrument.tick_size)) if intent.trigger > 0.0 else close


def is_wanted_by(request: OrderRequest, intent: Row) -> bool:
    """Tell whether an order has the limit and the trigger that an intent asks for."""
    return prices_of(intent, float(request.instrument.tick_size), request.side) == (request.price, request.trigger_price)


def _price(value: float, tick: float) -> float | None:
    return to_tick(float(value), tick) if math.isfinite(value) else None

"""Puts a price where the exchange takes it: on the tick grid, and once into money units.

Every price that is sent, and every protective price, goes through `to_tick`; every fill turns its price into units by `price_units`.
"""

from __future__ import annotations

import math

from engine.core.compiled import compiled

_UNITS = 10_000.0
_NOISE = 1e-9
"""A price meant to lie half-way between two ticks may lie this far (in ticks) below it in floating point."""


@compiled("i8(f8)")
def price_units(price: float) -> int:
    """Turn a finite price in rupees into whole money units, half up; exact for prices with up to four decimals."""
    return math.floor(price * _UNITS + 0.5)


@compiled("f8(f8, f8)")
def to_tick(price: float, tick: float) -> float:
    """Return the nearest price on the grid (half a tick goes up), as the float its decimal text would give.

    NaN and infinity stay what they are; a tick of 0 or less leaves the price alone.
    """
    step = math.floor(tick * _UNITS + 0.5) if tick > 0.0 else 0
    if step < 1 or not math.isfinite(price):
        return price
    ticks = math.floor(price * _UNITS / step + 0.5 + _NOISE)
    return ticks * step / _UNITS


@compiled("f8(f8, f8, i8)")
def against(price: float, tick: float, side: int) -> float:
    """Return the nearest price on the grid that is no better for who buys (side above 0) or sells: up for a buyer, down for a seller.

    A seller gets one tick at least. NaN and infinity stay what they are; a tick of 0 or less leaves the price alone.
    """
    step = math.floor(tick * _UNITS + 0.5) if tick > 0.0 else 0
    if step < 1 or not math.isfinite(price):
        return price
    ticks = price * _UNITS / step
    whole = math.ceil(ticks - _NOISE) if side > 0 else max(1, math.floor(ticks + _NOISE))
    return whole * step / _UNITS


@compiled("b1(f8, f8)")
def is_on_tick(price: float, tick: float) -> bool:
    """Tell whether a price lies on the grid, to within a hundredth of a money unit."""
    return abs(price - to_tick(price, tick)) < 1e-6

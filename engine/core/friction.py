"""What stands between a wish and its price: slippage, half the spread, thin volume, and the time that an order takes to the market.

All of it is at the cost of who trades: prices move against the taker, quantities are cut, orders come late; with nothing given an
order fills at the very price of the bar. The compiled replay and the simulated exchange both read the one row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from engine.core.compiled import compiled, record_type
from engine.core.errors import InvalidOption
from engine.core.grid import against
from engine.core.records import Row, Rows, record

FRICTION = record(
    ("taker_bps", "f8"),  # of the price: slippage and half the spread together
    ("slippage_ticks", "i8"),
    ("participation", "f8"),  # share of a bar's volume that may be traded; 0 = all that is asked for
    ("latency_bars", "i8"),
)
"""One row of friction; zeros are none."""

record_type("FRICTION", FRICTION)

UNLIMITED = 1 << 58
"""A quantity that no order reaches; ten times as much is still a whole number of the machine's."""

_MOST = {"slippage_bps": 5_000.0, "slippage_ticks": 10_000, "half_spread_bps": 5_000.0, "participation": 1.0, "latency_bars": 10_000}
_UNIT = {
    "slippage_bps": "bps",
    "slippage_ticks": "ticks",
    "half_spread_bps": "bps",
    "participation": "of a bar's volume",
    "latency_bars": "bars",
}


@dataclass(frozen=True, slots=True)
class Friction:
    """What trading costs besides charges; nothing of it unless given."""

    slippage_bps: float = 0.0
    """By so many hundredths of a percent of the price market orders and triggered stops fill worse."""
    slippage_ticks: int = 0
    """By so many ticks they fill worse, besides."""
    half_spread_bps: float = 0.0
    """Half of the distance between bid and ask, which they pay, too."""
    participation: float = 0.0
    """Share of a bar's volume that may be traded, 0 to 1; the rest of an order goes on in the next bar. 0 = no cap."""
    latency_bars: int = 0
    """An order placed at the close of bar i meets the market from bar i + 1 + latency on."""

    def __post_init__(self) -> None:
        """Raise InvalidOption for what is no number, or out of range."""
        for item in fields(self):
            name, value = item.name, getattr(self, item.name)
            is_whole = isinstance(_MOST[name], int)
            is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)
            if not is_number or (is_whole and value != int(value)) or not 0 <= value <= _MOST[name]:
                kind = "a whole number" if is_whole else "a number"
                raise InvalidOption(f"Expected {name} to be {kind} from 0 to {_MOST[name]:g} {_UNIT[name]}, was {value!r}; change it.")

    @property
    def is_none(self) -> bool:
        """Tell whether orders fill as if nothing stood in their way."""
        return self == Friction()

    def row(self) -> Rows:
        """Make the FRICTION record (one row)."""
        row: Rows = np.zeros(1, FRICTION)
        row[0] = (self.slippage_bps + self.half_spread_bps, self.slippage_ticks, self.participation, self.latency_bars)
        return row


@compiled("f8(f8, i8, f8, FRICTION)")
def taker_price(price: float, side: int, tick: float, friction: Row) -> float:
    """Return what who takes pays (side above 0) or gets, where the market stands at `price`: on the grid, never better than it."""
    if friction.taker_bps == 0.0 and friction.slippage_ticks == 0:
        return price
    moved = price * friction.taker_bps / 10_000.0 + friction.slippage_ticks * tick
    return against(price + moved if side > 0 else price - moved, tick, side)


@compiled("i8(f8, i8, FRICTION)")
def tradable(volume: float, lot: int, friction: Row) -> int:
    """Return the quantity, in whole lots, that may be traded in a bar of this volume."""
    if friction.participation == 0.0:
        return UNLIMITED
    return int(math.floor(max(0.0, volume) * friction.participation / lot + 1e-9) * lot)

"""What was earned in each instrument, as the broker's statement reckons it: first in first out, same-day trades of shares among themselves.

Shares sold that were not bought before are no short sale: they were held before the first fill, and what they cost is not known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from engine.clock import ist
from engine.core.costs import same_day_parts
from engine.core.model import Fill, InstrumentKind

Lots = deque[tuple[int, int]]
"""Signed quantity and price in units of what is open, oldest first."""


@dataclass(slots=True)
class Realised:
    """One instrument's result; money in units of 1/10,000 rupee, charges apart."""

    symbol: str
    closed: int = 0
    """Quantity bought and sold again."""
    buy_units: int = 0
    sell_units: int = 0
    """What the closed quantity was bought and sold for."""
    open_quantity: int = 0
    open_units: int = 0
    """What is open, and what it was opened at; negative = short."""
    earlier: int = 0
    """Quantity sold that was held before the first fill."""
    earlier_units: int = 0
    """What it was sold for."""
    charges_units: int = 0

    @property
    def pnl_units(self) -> int:
        """Profit of what was closed; that of what was held before is not in it."""
        return self.sell_units - self.buy_units


def realised(fills: Iterable[Fill]) -> dict[str, Realised]:
    """Match fills given in order of time and return the result by symbol, whichever exchange it was traded on."""
    by_symbol: dict[str, list[Fill]] = {}
    for fill in fills:
        by_symbol.setdefault(fill.instrument.symbol, []).append(fill)
    return {symbol: _match(symbol, own) for symbol, own in sorted(by_symbol.items())}


def _match(symbol: str, fills: list[Fill]) -> Realised:
    made, lots = Realised(symbol, charges_units=sum(fill.charges_units for fill in fills)), Lots()
    for _, group in groupby(fills, key=lambda fill: ist(fill.time_ns).date()):
        turned = Lots()
        for fill, is_same_day in same_day_parts(list(group)):
            can_short = is_same_day or fill.instrument.kind is not InstrumentKind.EQUITY
            _take(made, turned if is_same_day else lots, fill, can_short)
    made.open_quantity = sum(quantity for quantity, _ in lots)
    made.open_units = sum(quantity * price for quantity, price in lots) * fills[0].instrument.multiplier
    return made


def _take(made: Realised, lots: Lots, fill: Fill, can_short: bool) -> None:
    left, multiplier = fill.signed_quantity, fill.instrument.multiplier
    while left and lots and (lots[0][0] > 0) != (left > 0):
        held, price = lots.popleft()
        closed = min(abs(held), abs(left))
        bought, sold = (price, fill.price_units) if held > 0 else (fill.price_units, price)
        made.closed += closed
        made.buy_units += closed * bought * multiplier
        made.sell_units += closed * sold * multiplier
        side = 1 if left > 0 else -1
        left -= side * closed
        if closed < abs(held):
            lots.appendleft((held + side * closed, price))
    if left < 0 and not can_short:
        made.earlier -= left
        made.earlier_units -= left * fill.price_units * multiplier
    elif left:
        lots.append((left, fill.price_units))

"""Holds the day's realised profit against the broker's, instrument by instrument and product by product, before charges.

Pure. Only what was opened today is compared: what was carried in the broker values anew each day, and its quantity is compared anyhow.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from engine.calendar import day_of
from engine.core.model import Fill, Position, Product, Purpose
from engine.core.reconciliation import ProfitDifference

PAISA_UNITS = 100


def profit_differences(
    held: Iterable[Position], own: Iterable[Position], trades: Iterable[Fill], day: date
) -> tuple[ProfitDifference, ...]:
    """Return where the broker's realised profit of a day differs from what our own fills of it come to.

    The broker rounds its average prices: so much as that makes, and a paisa, is no difference.
    """
    theirs = {(position.instrument.key, position.product): position for position in held}
    ours = {(position.instrument.key, position.product): position for position in own}
    found = []
    for place, (quantity, cash_units, traded) in _of_day(trades, day).items():
        mine, truth = ours.get(place), theirs.get(place)
        if mine is None or truth is None or mine.quantity != quantity:
            continue
        realised = cash_units + mine.cost_units
        if abs(realised - truth.realised_units) > PAISA_UNITS + traded:
            found.append(ProfitDifference(mine.instrument, mine.product, realised, truth.realised_units))
    return tuple(found)


def _of_day(trades: Iterable[Fill], day: date) -> dict[tuple[str, Product], tuple[int, int, int]]:
    """Return what the fills of a day come to: signed quantity, money received less money paid, and quantity traded in all."""
    sums: dict[tuple[str, Product], tuple[int, int, int]] = {}
    for fill in trades:
        if fill.purpose is not Purpose.ASSIGN and day_of(fill.time_ns) == day:
            place = (fill.instrument.key, fill.product)
            quantity, cash, traded = sums.get(place, (0, 0, 0))
            sums[place] = quantity + fill.signed_quantity, cash - int(fill.side) * fill.value_units, traded + fill.quantity
    return sums

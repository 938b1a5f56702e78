"""Makes round trips of fills: what each gained and cost, how far it ran for and against the holder, how long it took, why it ended.

A round trip goes from flat, through any averaging and partial closing, back to flat; a reversal ends one and begins the next. It is
the ledger's arithmetic (`split_fill`), over FILL rows and compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.compiled import compiled, record_type
from engine.core.grid import price_units
from engine.core.ledger import share_of, split_fill
from engine.core.records import BAR, FILL, Row, Rows, record

STILL_OPEN = -1
"""`reason` of a round trip that had not ended with the last bar."""

TRADE = record(
    ("entry_ns", "i8"),
    ("exit_ns", "i8"),
    ("instrument", "i4"),
    ("quantity", "i8"),  # all that was entered: + long, - short
    ("entry_price", "i8"),  # units, average of what was entered
    ("exit_price", "i8"),  # units, average of what was closed
    ("value", "i8"),  # units, paid or received at entry
    ("gross", "i8"),  # units
    ("charges", "i8"),  # units
    ("net", "i8"),  # units
    ("mae", "i8"),  # units, the most that it ever was behind: 0 or less
    ("mfe", "i8"),  # units, the most that it ever was ahead: 0 or more
    ("bars", "i8"),  # bars that ended while it was held
    ("reason", "i1"),  # of the last fill
)
record_type("TRADE", TRADE)

_ROUND = record(
    ("held", "i8"),
    ("entered", "i8"),
    ("entry_ns", "i8"),
    ("entry_value", "i8"),
    ("exit_value", "i8"),
    ("charges", "i8"),
    ("worst", "i8"),
    ("best", "i8"),
    ("bars", "i8"),
    ("next_bar", "i8"),  # in the list of the instrument's bars
    ("end_bar", "i8"),
)
"""A round trip that is open, and how far its instrument's bars have been looked at."""
record_type("ROUND", _ROUND)


@compiled("void(ROUND, i8, i8)")
def _look(trip: Row, price: int, multiplier: int) -> None:
    """Take note of what the round trip is worth at a price in units: what was closed already counts as closed."""
    gained = trip.exit_value + abs(trip.held) * price * multiplier - trip.entry_value
    if trip.held < 0:
        gained = -gained
    trip.worst = min(trip.worst, gained)
    trip.best = max(trip.best, gained)


@compiled("void(ROUND, BAR[:], i8[:], i8, i8)")
def _walk_to(trip: Row, bars: Rows, order: NDArray[Any], until_ns: int, multiplier: int) -> None:
    """Look at the bars that were over before the one that holds `until_ns`, and at that one's open."""
    while trip.next_bar + 1 < trip.end_bar and bars[order[trip.next_bar + 1]].time_ns <= until_ns:
        bar = bars[order[trip.next_bar]]
        if trip.held != 0:
            _look(trip, price_units(bar.low), multiplier)
            _look(trip, price_units(bar.high), multiplier)
            trip.bars += 1
        trip.next_bar += 1
    if trip.held != 0 and trip.next_bar < trip.end_bar and bars[order[trip.next_bar]].time_ns > trip.entry_ns:
        _look(trip, price_units(bars[order[trip.next_bar]].open), multiplier)


@compiled("void(ROUND, i8, i8, i8, i8, i8)")
def _enter(trip: Row, time_ns: int, quantity: int, price: int, charges: int, multiplier: int) -> None:
    if trip.held == 0:
        trip.entry_ns = time_ns
    trip.held += quantity
    trip.entered += quantity
    trip.entry_value += price * abs(quantity) * multiplier
    trip.charges += charges


@compiled("void(ROUND, i8, i8, i8, i8)")
def _close(trip: Row, closed: int, price: int, charges: int, multiplier: int) -> None:
    _look(trip, price, multiplier)
    trip.exit_value += price * closed * multiplier
    trip.charges += charges
    trip.held -= closed if trip.held > 0 else -closed


@compiled("void(ROUND, i4, i8, i1, i8, TRADE)")
def _write(trip: Row, instrument: int, time_ns: int, reason: int, multiplier: int, trade: Row) -> None:
    """Write the round trip down and make room for the next."""
    gained = trip.exit_value - trip.entry_value
    trade.entry_ns = trip.entry_ns
    trade.exit_ns = time_ns
    trade.instrument = instrument
    trade.quantity = trip.entered
    trade.entry_price = share_of(trip.entry_value, 1, abs(trip.entered) * multiplier)
    trade.exit_price = share_of(trip.exit_value, 1, abs(trip.entered) * multiplier)
    trade.value = trip.entry_value
    trade.gross = gained if trip.entered > 0 else -gained
    trade.charges = trip.charges
    trade.net = trade.gross - trip.charges
    trade.mae = trip.worst
    trade.mfe = trip.best
    trade.bars = trip.bars
    trade.reason = reason
    trip.held = 0
    trip.entered = 0
    trip.entry_value = 0
    trip.exit_value = 0
    trip.charges = 0
    trip.worst = 0
    trip.best = 0
    trip.bars = 0


@compiled("i8(FILL[:], BAR[:], i8[:], ROUND[:], i8[:], TRADE[:])")
def _build(fills: Rows, bars: Rows, order: NDArray[Any], trips: Rows, multipliers: NDArray[Any], trades: Rows) -> int:
    """Write the trades that ended, in order of their ends; returns how many."""
    count = 0
    for i in range(len(fills)):
        row = fills[i]
        trip, multiplier = trips[row.instrument], multipliers[row.instrument]
        _walk_to(trip, bars, order, row.time_ns, multiplier)
        closed, opened, paid = split_fill(trip.held, row.quantity, row.charges)
        if closed > 0:
            _close(trip, closed, row.price, paid, multiplier)
            if trip.held == 0:
                _write(trip, row.instrument, row.time_ns, row.reason, multiplier, trades[count])
                count += 1
        if opened != 0:
            _enter(trip, row.time_ns, opened, row.price, row.charges - paid, multiplier)
    return count


@compiled("i8(BAR[:], i8[:], ROUND[:], i8[:], TRADE[:])")
def _close_rest(bars: Rows, order: NDArray[Any], trips: Rows, multipliers: NDArray[Any], trades: Rows) -> int:
    """Write what is still held, valued at the last close; returns how many trades that makes."""
    count = 0
    for k in range(len(trips)):
        trip = trips[k]
        if trip.held != 0 and trip.end_bar > 0:
            last = bars[order[trip.end_bar - 1]]
            _walk_to(trip, bars, order, last.time_ns, multipliers[k])
            _look(trip, price_units(last.low), multipliers[k])
            _look(trip, price_units(last.high), multipliers[k])
            trip.bars += 1
            _close(trip, abs(trip.held), price_units(last.close), 0, multipliers[k])
            _write(trip, k, last.time_ns, STILL_OPEN, multipliers[k], trades[count])
            count += 1
    return count


def make_trades(fills: Rows, bars: Rows, multipliers: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """Return the TRADE rows that ended, in order of their ends, and those still open, valued at their last close.

    `fills`: FILL rows in order; `bars`: BAR rows in order of time, of the instruments that fills and `multipliers` count. Excursions
    (`mae`, `mfe`) are read off the bars held: the bar of entry counts whole, of the bar of exit only its open and the price got, for
    nothing tells what came first in it. Without bars they are those of the fills.
    """
    fills, bars = np.require(fills, FILL, ["C", "W", "A"]), np.require(bars, BAR, ["C", "W", "A"])
    multipliers = np.ascontiguousarray(multipliers, dtype=np.int64)
    numbers = bars["instrument"]
    is_sorted = len(multipliers) == 1 or not len(bars)
    order = np.arange(len(bars), dtype=np.int64) if is_sorted else np.argsort(numbers, kind="stable").astype(np.int64)
    trips: Rows = np.zeros(len(multipliers), _ROUND)
    ends = np.cumsum(np.bincount(numbers, minlength=len(multipliers)))
    trips["end_bar"] = ends
    trips["next_bar"] = ends - np.bincount(numbers, minlength=len(multipliers))
    ended: Rows = np.zeros(len(fills), TRADE)
    count = _build.compile()(fills, bars, order, trips, multipliers, ended)
    left: Rows = np.zeros(len(multipliers), TRADE)
    rest = _close_rest.compile()(bars, order, trips, multipliers, left)
    return ended[:count].copy(), left[:rest]

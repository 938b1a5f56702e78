"""The rows that cross from the market to a strategy and back: bars, intents, fills, ticks.

Fixed layouts: every template, rule and metric reads these fields. Prices of market data are rupees as float64 on the tick grid;
money (`price` of a FILL, everything in ACCOUNT and POSITION but quantities) is int64 in units of 1/10,000 rupee. NaN means "none".
`np.record` is needed so that attribute access works uncompiled too.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[Any]
"""A one-dimensional array of one of the record types below."""

Row: TypeAlias = Any
"""One row of such an array (np.record, or a numba record when compiled)."""


def record(*fields: tuple[Any, ...]) -> np.dtype[Any]:
    """Make an aligned record type whose fields are read as attributes, compiled or not; raises ValueError for a name NumPy takes."""
    taken = [name for name, *_ in fields if hasattr(np.record, name)]
    if taken:
        raise ValueError(f"Expected names of fields that NumPy has no attribute of, was {', '.join(taken)}; choose others.")
    plain = np.dtype(list(fields), align=True)
    return np.dtype((np.record, plain))


def fields(*names: str) -> np.dtype[Any]:
    """Make a record of float64 fields: the shape of a strategy's STATE and PARAMS."""
    return record(*((name, "f8") for name in names))


BAR = record(
    ("time_ns", "i8"),  # start of the bar, UTC epoch
    ("session_minute", "i4"),  # minutes since the session's open: 0 for the 09:15 bar
    ("instrument", "i4"),  # the session's own number for the instrument
    ("open", "f8"),
    ("high", "f8"),
    ("low", "f8"),
    ("close", "f8"),
    ("volume", "f8"),
    ("oi", "f8"),
)

INTENT = record(
    ("target", "f8"),  # wanted position in units of size; NaN leaves it as it is
    ("limit", "f8"),  # enter no worse than this
    ("stop", "f8"),  # protective price
    ("profit", "f8"),  # target price
    ("trail", "f8"),  # trailing distance in rupees
    ("trigger", "f8"),  # enter only once this is reached: a stop order, with `limit` a stop-limit; 0 is none, too
)

ACCOUNT = record(
    ("cash", "i8"),  # what new positions may be bought with
    ("equity", "i8"),
    ("peak", "i8"),
    ("day_start", "i8"),
    ("realised", "i8"),
    ("charges", "i8"),
    ("open_orders", "i4"),
    ("fills", "i8"),
    ("capital", "i8"),
    ("other_positions", "i4"),  # instruments held or being entered, but the one that is asked about
)

FILL = record(
    ("time_ns", "i8"),
    ("instrument", "i4"),
    ("quantity", "i8"),  # signed: + bought, - sold
    ("price", "i8"),
    ("charges", "i8"),
    ("reason", "i1"),
)

POSITION = record(
    ("instrument", "i4"),
    ("quantity", "i8"),  # signed
    ("cost", "i8"),  # signed money paid for what is held: average price times quantity, exactly
    ("realised", "i8"),  # before charges
    ("charges", "i8"),
    ("last_price", "i8"),
)

ORDER = record(
    ("time_ns", "i8"),
    ("instrument", "i4"),
    ("quantity", "i8"),  # signed
    ("price", "i8"),  # worst price it may fill at, for its value; the reference price when it has none
    ("is_exit", "i1"),
    ("contract_lot", "i8"),  # lot of a future or an option; 0 = shares
)

DEPTH_LEVEL = record(("quantity", "i8"), ("price", "f8"), ("orders", "i4"))

TICK = record(
    ("instrument_token", "i8"),
    ("mode", "i1"),  # 1 ltp, 2 quote, 3 full, 4 index
    ("last_price", "f8"),
    ("last_quantity", "i8"),
    ("average_price", "f8"),
    ("volume", "i8"),  # of the day so far
    ("buy_quantity", "i8"),
    ("sell_quantity", "i8"),
    ("open", "f8"),
    ("high", "f8"),
    ("low", "f8"),
    ("close", "f8"),  # of the previous day
    ("last_trade_time", "i8"),  # epoch seconds, 0 = not known
    ("oi", "i8"),
    ("oi_day_high", "i8"),
    ("oi_day_low", "i8"),
    ("exchange_time", "i8"),  # epoch seconds, 0 = not known
    ("depth", DEPTH_LEVEL, (2, 5)),  # 0 buy, 1 sell; best first
)

MODE_LTP, MODE_QUOTE, MODE_FULL, MODE_INDEX = 1, 2, 3, 4

ENTRY, EXIT, STOP, TARGET, TRAIL, SQUARE_OFF, REVERSAL = 0, 1, 2, 3, 4, 5, 6
"""Why a fill happened (`reason` of FILL)."""

REASONS = ("entry", "exit", "stop", "target", "trail", "square_off", "reversal")

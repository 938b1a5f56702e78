"""How Kite packs a quote into bytes: five kinds of packet, told apart by their length alone, big-endian and unsigned throughout.

The layouts are data; nothing is decoded here. Indices tell high and low before open, everything else tells open first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.records import MODE_FULL, MODE_INDEX, MODE_LTP, MODE_QUOTE

LTP, INDEX_QUOTE, INDEX_FULL, QUOTE, FULL = 8, 28, 32, 44, 184
"""Length in bytes of each kind of packet."""

MODES = {LTP: MODE_LTP, INDEX_QUOTE: MODE_INDEX, INDEX_FULL: MODE_INDEX, QUOTE: MODE_QUOTE, FULL: MODE_FULL}
"""What a packet of that length makes of a row's `mode`."""

CDS, BCD, NCO = 3, 6, 12
"""Segments (the token's last byte) whose prices are not in paise."""

PAISE, CDS_DIVISOR, BCD_DIVISOR = 100.0, 10_000_000.0, 10_000.0
"""By what a price on the wire is divided to be rupees; NCO goes with BCD."""

PRICES = frozenset({"last_price", "average_price", "open", "high", "low", "close"})
"""Fields that are divided."""

_LEVEL = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("unused", "V2")])


def _layout(*names: str, depth: bool = False) -> np.dtype[Any]:
    fields: list[Any] = [(name, "V4" if name == "change" else ">u4") for name in names]
    return np.dtype([*fields, ("depth", _LEVEL, (2, 5))] if depth else fields)


_LAST = ("instrument_token", "last_price")
# What an index says of its change is left unread: its scale is documented nowhere, and the previous close tells it.
_OF_INDEX = (*_LAST, "high", "low", "open", "close", "change")
_TRADED = ("last_quantity", "average_price", "volume", "buy_quantity", "sell_quantity", "open", "high", "low", "close")
_OF_FULL = ("last_trade_time", "oi", "oi_day_high", "oi_day_low", "exchange_time")

LAYOUTS = {
    LTP: _layout(*_LAST),
    INDEX_QUOTE: _layout(*_OF_INDEX),
    INDEX_FULL: _layout(*_OF_INDEX, "exchange_time"),
    QUOTE: _layout(*_LAST, *_TRADED),
    FULL: _layout(*_LAST, *_TRADED, *_OF_FULL, depth=True),
}
"""Each kind's fields in their order, under the names of TICK; prices are whole numbers still."""

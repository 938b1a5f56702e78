"""Tells what the broker and the state charge for an instrument on a given day.

Rates that change are dated rows of a file in `resources/charges`; this module only finds the row that holds. The name "none" is the
tariff of a market where trading is free.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import numpy as np

from engine.core.costs import NO_CHARGES, PPB, RATES
from engine.core.errors import InvalidOption, InvalidOrder, did_you_mean
from engine.core.model import Exchange, Instrument, InstrumentKind, Product, to_units
from engine.core.records import Rows

NONE = "none"

HEADS: Mapping[str, Mapping[str, str]] = {
    "brokerage": {"percent": "brokerage", "cap": "brokerage_cap", "flat": "brokerage_flat"},
    "stt": {"buy": "stt_buy", "sell": "stt_sell"},
    "exchange": {"percent": "exchange"},
    "sebi": {"percent": "sebi"},
    "ipft": {"percent": "ipft"},
    "stamp": {"buy": "stamp_buy", "sell": "stamp_sell"},
    "gst": {"percent": "gst", "on_ipft": "gst_on_ipft"},
}
"""Per head of the file: its keys, and the fields of RATES that they fill."""

DEPOSITORY = "depository"
"""Head that belongs to no order: it is taken for what leaves the holdings."""

_KEYS: Mapping[str, Mapping[str, str]] = {**HEADS, DEPOSITORY: {"flat": DEPOSITORY}}

_SHARES = {Product.MIS: "equity_intraday", Product.MTF: "equity_mtf"}
_MARKETS = {Exchange.CDS: "currency", Exchange.BCD: "currency", Exchange.MCX: "commodity"}


@dataclass(frozen=True, slots=True)
class _Row:
    """What one head costs from a day on, for some or all instruments."""

    since: date
    segments: frozenset[str]
    exchanges: frozenset[str]
    symbols: frozenset[str]
    values: Mapping[str, int]

    def fits(self, instrument: Instrument, segment: str) -> bool:
        """Tell whether it speaks of the instrument; a derivative is known by its own symbol or its underlying's name."""
        return (
            (not self.segments or segment in self.segments)
            and (not self.exchanges or instrument.exchange in self.exchanges)
            and (not self.symbols or instrument.symbol in self.symbols or instrument.name in self.symbols)
        )


class Tariff:
    """One broker's dated rates."""

    def __init__(self, name: str, rows: Mapping[str, Sequence[_Row]], depository: Sequence[_Row] = ()) -> None:
        """Take the rows of each head; use `load`."""
        self.name = name
        self._rows = rows
        self._depository = depository
        self.changes = tuple(sorted({row.since for head in rows.values() for row in head}))
        """Days from which some rate is another one, in order; between two of them `rates` gives the same."""
        self._known: dict[tuple[str, Product, int], Rows] = {}

    @classmethod
    def load(cls, name: str = "zerodha") -> Tariff:
        """Load a tariff by name; raises InvalidOption with the nearest name when there is none."""
        if name == NONE:
            return cls(name, {})
        known = tariff_names()
        if name not in known:
            raise InvalidOption(f'Unknown charges "{name}"{did_you_mean(name, known)}')
        text = (files("resources") / "charges" / f"{name}.toml").read_text(encoding="utf-8")
        content = tomllib.loads(text, parse_float=Decimal)
        rows = {head: [_read(head, row) for row in content.get(head, ())] for head in _KEYS}
        return cls(name, {head: rows[head] for head in HEADS}, rows[DEPOSITORY])

    def rates(self, instrument: Instrument, product: Product, on: date) -> Rows:
        """Return the RATES (one row, not to be written to) that hold on a day; raises InvalidOrder for an index."""
        segment = segment_of(instrument, product)
        if not self._rows:
            return NO_CHARGES
        wanted = instrument.key, product, bisect_right(self.changes, on)
        if wanted not in self._known:
            self._known[wanted] = self._find(instrument, segment, on)
        return self._known[wanted]

    def _find(self, instrument: Instrument, segment: str, on: date) -> Rows:
        rates: Rows = np.zeros(1, RATES)
        for head in self._rows.values():
            for field, value in _best(head, instrument, segment, on).items():
                rates[0][field] = value
        return rates

    def depository_units(self, instrument: Instrument, on: date) -> int:
        """Return what is taken, in units and with GST, when shares leave the holdings: once a symbol and day, however many are sold."""
        return _best(self._depository, instrument, segment_of(instrument, Product.CNC), on).get(DEPOSITORY, 0)


def _best(head: Sequence[_Row], instrument: Instrument, segment: str, on: date) -> Mapping[str, int]:
    """Return the values of the row that holds: of those that name the symbol, or else of all, the latest that has begun."""
    fitting = [row for row in head if row.fits(instrument, segment)]
    named = [row for row in reversed(fitting) if row.symbols] or fitting[::-1]
    begun = [row for row in named if row.since <= on]
    best = max(begun, key=_since, default=min(named, key=_since, default=None))
    return best.values if best else {}


def tariff_names() -> list[str]:
    """List the tariffs that can be loaded."""
    found = (file.name for file in (files("resources") / "charges").iterdir())
    return [NONE, *sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))]


def segment_of(instrument: Instrument, product: Product) -> str:
    """Name the segment whose rates apply, such as equity_intraday or currency_options; raises InvalidOrder for an index."""
    if instrument.kind is InstrumentKind.EQUITY:
        return _SHARES.get(product, "equity_delivery")
    if not instrument.is_tradable:
        raise InvalidOrder(f"Expected something that can be traded, was the index {instrument.key}; choose a share, future or option.")
    kind = "futures" if instrument.kind is InstrumentKind.FUTURE else "options"
    return f"{_MARKETS.get(instrument.exchange, 'equity')}_{kind}"


def _since(row: _Row) -> date:
    return row.since


def _read(head: str, row: Mapping[str, Any]) -> _Row:
    given = dict(row)
    since = given.pop("from")
    scope = {name: frozenset(given.pop(name, ())) for name in ("segments", "exchanges", "symbols")}
    return _Row(since, **scope, values={_KEYS[head][key]: _value(key, value) for key, value in given.items()})


def _value(key: str, value: Any) -> int:
    """Turn per cent into a billionth, rupees into units; raises ValueError for a rate finer than that."""
    if isinstance(value, bool):
        return int(value)
    if key in ("cap", "flat"):
        return to_units(value)
    rate = Decimal(value) * PPB / 100
    if rate != int(rate):
        raise ValueError(f"Expected a rate in whole billionths, was {value:f} %.")
    return int(rate)

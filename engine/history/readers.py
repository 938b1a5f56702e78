"""Reads bars as different people write them into one shape: columns of numbers, a key and a line for each row.

Nothing is judged here; whether a bar can be true is the business of `bars.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clock import IST_OFFSET_NS
from engine.core.errors import UserError
from engine.history import layout, values
from engine.history.source import Source

LEAN_SCALE = 10_000.0
"""LEAN writes prices of shares in ten-thousandths."""

_EPOCH = date(1970, 1, 1)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKLY_MONTHS = "123456789OND"


@dataclass(slots=True)
class RawBars:
    """Bars as they stand in a file, unjudged; all columns of one length."""

    keys: list[str]
    """Distinct instrument keys."""
    codes: NDArray[np.int64]
    """Per row: which of `keys`, -1 for none."""
    times: NDArray[np.int64]
    is_daily: bool
    prices: dict[str, NDArray[np.float64]]
    """open, high, low, close."""
    volume: NDArray[np.float64]
    oi: NDArray[np.float64]
    lines: NDArray[np.int64]
    untraded: NDArray[np.bool_] | None = None
    """Rows that stand for no trade, and are to be left out without a word of blame."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.codes)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> RawBars:
        """Return the rows of a mask, or those of these numbers in their order."""
        prices = {name: column[rows] for name, column in self.prices.items()}
        columns = (self.volume[rows], self.oi[rows], self.lines[rows])
        return RawBars(self.keys, self.codes[rows], self.times[rows], self.is_daily, prices, *columns)


def read_raw(source: Source, symbol: str | None = None) -> RawBars:
    """Read the bars of a source; `symbol` names the instrument of a file that does not.

    Raises UserError when there are no bars in it, or the instrument is not known.
    """
    if layout.is_lean(source):
        return _read_lean(source, symbol)
    layout.name_columns(source)
    if not layout.has_bars(source):
        raise UserError(layout.what_is_missing(source))
    if {"instrument", "symbol", "exp_date"} <= set(source.columns):
        return _read_contracts(source)
    return _read_plain(source, symbol)


def name_of_file(source: Source, symbol: str | None) -> str:
    """Return the key of a file that is of one instrument and has no column for it; raises UserError when nothing tells it."""
    if symbol is None and not layout.symbol_of_file(source.path):
        raise UserError(f"Expected a symbol in the name or in a column of {source.path}, was none; give one.")
    return layout.key_of(symbol or layout.symbol_of_file(source.path))


def keys_of(source: Source, symbol: str | None) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct keys, and which of them each row is of."""
    symbols = layout.column(source, layout.SYMBOL)
    if symbols is None:
        return [name_of_file(source, symbol)], np.zeros(len(source), dtype=np.int64)
    codes, texts = values.to_texts(symbols)
    codes, texts = _renumbered(codes, texts), [text for text in texts if text]
    places = layout.column(source, layout.EXCHANGE)
    if places is None:
        keys, codes = _merged([layout.key_of(text) for text in texts], codes)
        # A recorder that began before it knew the name: the file's own name stands for it.
        is_told = len(keys) == 1 and keys[0] == layout.key_of(layout.symbol_of_file(source.path))
        return keys, np.zeros_like(codes) if is_told else codes
    place_codes, place_texts = values.to_texts(places)
    is_named = codes >= 0
    pairs, which = np.unique(np.stack([codes, place_codes])[:, is_named], axis=1, return_inverse=True)
    codes[is_named] = which.reshape(-1)
    return _merged([layout.key_of(texts[a], place_texts[b] if b >= 0 else "") for a, b in pairs.T], codes)


def _renumbered(codes: NDArray[np.int64], texts: list[str]) -> NDArray[np.int64]:
    """Return codes that count only the texts that are not empty."""
    is_text = [bool(text) for text in texts]
    numbers = np.where(is_text, np.cumsum(is_text) - 1, -1)
    return np.append(numbers, -1).astype(np.int64)[codes]


def _merged(keys: list[str], codes: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """Let texts that mean one instrument be one."""
    distinct = list(dict.fromkeys(keys))
    place = {key: number for number, key in enumerate(distinct)}
    return distinct, np.append([place[key] for key in keys], -1).astype(np.int64)[codes]


def _read_plain(source: Source, symbol: str | None) -> RawBars:
    keys, codes = keys_of(source, symbol)
    times, is_daily = _times(source)
    prices = {name: values.to_numbers(layout.column(source, names)) for name, names in layout.BAR_COLUMNS.items()}
    bars = RawBars(keys, codes, times, is_daily, prices, _optional(source, layout.VOLUME), _optional(source, layout.OI), source.lines)
    series = layout.column(source, layout.SERIES)
    if series is not None:
        series_codes, texts = values.to_texts(series)
        bars.untraded = ~np.array([text in layout.SHARES for text in texts] + [True])[series_codes]
    return bars


def _times(source: Source) -> tuple[NDArray[np.int64], bool]:
    if "date" in source.columns and "time" in source.columns:
        return values.to_times(values.joined(source.columns["date"], source.columns["time"]))
    column = layout.column(source, layout.TIME)
    if column is None:
        raise UserError(f"Expected a column date or time in {source.path}, was {', '.join(list(source.columns)[:8])}.")
    return values.to_times(column)


def _optional(source: Source, names: tuple[str, ...]) -> NDArray[np.float64]:
    column = layout.column(source, names)
    return np.zeros(len(source)) if column is None else values.to_numbers(column)


def _read_lean(source: Source, symbol: str | None) -> RawBars:
    """Read LEAN's minutes: milliseconds since India's midnight of the day in the file's name (not of the name inside the archive)."""
    text = "/".join(source.path.parts[-5:]).lower()
    if not re.search(r"equity|index", text):
        raise UserError(f"Expected equity or index in the path of {source.path}, was neither; LEAN's prices are told apart by it.")
    day = re.search(r"(\d{4})(\d{2})(\d{2})_", source.path.name)
    assert day is not None
    midnight = (date(*map(int, day.groups())) - _EPOCH).days * 86_400 * 10**9 - IST_OFFSET_NS
    columns = [values.to_numbers(column) for column in source.columns.values()]
    fine = np.isfinite(columns[0])
    times = np.where(fine, midnight + np.where(fine, columns[0], 0).astype(np.int64) * 10**6, values.NO_TIME)
    scale = LEAN_SCALE if "equity" in text else 1.0
    prices = {name: np.round(column / scale, 4) for name, column in zip(layout.BAR_COLUMNS, columns[1:5], strict=True)}
    codes = np.zeros(len(source), dtype=np.int64)
    return RawBars([name_of_file(source, symbol)], codes, times, False, prices, columns[5], np.zeros(len(source)), source.lines)


def _read_contracts(source: Source) -> RawBars:
    """Read NSE's bhavcopy of futures and options, each contract named as the broker names it; its day is in the file's name."""
    name = source.path.name
    stamp = re.search(r"(\d{2})(\d{2})(\d{4})", name)
    if stamp is None:
        raise UserError(f"Expected the day as DDMMYYYY in the name of {name}, was none: NSE writes it nowhere else.")
    day = date(*map(int, reversed(stamp.groups())))
    count = len(source)
    times = np.full(count, (day - _EPOCH).days * 86_400 * 10**9 - IST_OFFSET_NS)
    prices = {column: values.to_numbers(layout.column(source, names)) for column, names in layout.BAR_COLUMNS.items()}
    volume = _optional(source, layout.VOLUME)
    keys, codes = _merged(_contracts(source), np.arange(count))
    untraded = (volume == 0) & np.logical_and.reduce([prices[column] == 0 for column in ("open", "high", "low")])
    return RawBars(keys, codes, times, True, prices, volume, _optional(source, layout.OI), source.lines, untraded)


def _contracts(source: Source) -> list[str]:
    underlyings, expiries = _texts(source, "symbol"), _texts(source, "exp_date")
    strikes, kinds = _texts(source, "str_price", ""), _texts(source, "opt_type", "")
    days = [date(*map(int, reversed(text.split("/")))) for text in expiries]
    last: dict[tuple[str, int, int], date] = {}
    for underlying, day in zip(underlyings, days, strict=True):
        month = (underlying, day.year, day.month)
        last[month] = max(day, last.get(month, day))
    return [
        "NFO:" + contract_symbol(underlying, day, strike, kind, is_monthly=last[underlying, day.year, day.month] == day)
        for underlying, day, strike, kind in zip(underlyings, days, strikes, kinds, strict=True)
    ]


def contract_symbol(underlying: str, expiry: date, strike: str = "", kind: str = "", *, is_monthly: bool = True) -> str:
    """Return the broker's name of a contract: NIFTY25NOVFUT, NIFTY25NOV25000CE, and of a weekly one NIFTY25N1825000CE."""
    month = _MONTHS[expiry.month - 1] if is_monthly else f"{_WEEKLY_MONTHS[expiry.month - 1]}{expiry.day:02}"
    ending = f"{float(strike):g}{kind}" if kind in ("CE", "PE") else "FUT"
    return f"{underlying}{expiry.year % 100:02}{month}{ending}"


def _texts(source: Source, name: str, default: str | None = None) -> list[str]:
    column: Any = source.columns.get(name)
    if column is None and default is not None:
        return [default] * len(source)
    return [str(text).strip() for text in column.to_pylist()]

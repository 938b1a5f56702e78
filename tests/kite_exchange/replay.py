"""Reads a file of bars or ticks (Parquet or CSV) into a tape of trades that make exactly those bars again.

Columns, by any of their usual names: symbol (with or without `NSE:`), time, then open, high, low, close, volume for bars, or price and
quantity (or the day's volume so far) for ticks. Times without a zone are India's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.kite_exchange.board import Ints
from tests.kite_exchange.catalogue import Catalogue, share_tick, units
from tests.kite_exchange.clock import IST, SECOND

NAMES = {
    "symbol": ("symbol", "tradingsymbol", "instrument", "ticker"),
    "time": ("ts", "time", "timestamp", "date", "datetime"),
    "price": ("price", "ltp", "last_price"),
    "quantity": ("quantity", "qty", "last_quantity", "ltq"),
    "total": ("cum_volume", "volume_traded"),
}
PAISA = 100  # units
MOMENTS = {4: (0.0, 0.25, 0.5, 0.9), 1: (0.9,)}


@dataclass(slots=True)
class Tape:
    """Trades in order of time; no instrument trades twice at one time. Price in units."""

    time_ns: Ints
    row: Ints
    price: Ints
    quantity: Ints
    first: dict[int, int]  # row: first price


def read_tape(path: str, catalogue: Catalogue, ticks_of_bar: int, default_symbol: str = "") -> Tape:
    """Read a file; symbols that are not listed yet are added as NSE shares.

    Raises:
        ValueError: it has neither bars nor ticks.
    """
    import pandas as pd

    frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    frame.columns = [str(name).lower() for name in frame.columns]
    for name, others in NAMES.items():
        found = next((other for other in others if other in frame.columns), None)
        if found:
            frame = frame.rename(columns={found: name})
    if "symbol" not in frame:
        frame["symbol"] = default_symbol or Path(path).name.split(".")[0].upper()
    stamps = pd.to_datetime(frame["time"])
    stamps = stamps.dt.tz_localize(IST) if stamps.dt.tz is None else stamps
    times = stamps.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
    rows = frame["symbol"].map({name: _row(catalogue, str(name), frame) for name in frame["symbol"].unique()}).to_numpy(np.int64)
    if {"open", "high", "low", "close"} <= set(frame.columns):
        columns = [_units(frame[name].to_numpy(float)) for name in ("open", "high", "low", "close")]
        volume = frame["volume"].to_numpy(float).astype(np.int64) if "volume" in frame else np.zeros(len(frame), np.int64)
        return _sorted(*_of_bars(times, rows, columns, volume, ticks_of_bar))
    if "price" not in frame:
        raise ValueError(f"{path}: expected open, high, low, close or price, has {list(frame.columns)}")
    quantity = frame["quantity"].to_numpy(float).astype(np.int64) if "quantity" in frame else np.ones(len(frame), np.int64)
    if "total" in frame:
        quantity = frame.groupby("symbol")["total"].diff().fillna(0).clip(lower=0).to_numpy(float).astype(np.int64)
    return _sorted(times, rows, _units(frame["price"].to_numpy(float)), quantity)


def _units(rupees: np.ndarray) -> Ints:
    paise: Ints = np.rint(rupees * 100).astype(np.int64)
    return paise * PAISA


def _row(catalogue: Catalogue, symbol: str, frame: object) -> int:
    key = symbol if ":" in symbol else f"NSE:{symbol}"
    listing = catalogue.by_key.get(key)
    if listing is None:
        exchange, _, name = key.partition(":")
        listing = catalogue.add(exchange, name, 200_001 + len(catalogue.listings), "EQ", units(100), share_tick(units(100)))
    return listing.row


def _of_bars(times: Ints, rows: Ints, columns: list[Ints], volume: Ints, count: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Make the ticks of bars: open, then the extreme farther from the close, the other one, the close. They add up to the bar's volume."""
    start, high, low, end = columns
    gaps = np.diff(np.unique(times))
    interval_s = int(gaps.min()) // SECOND if len(gaps) else 60
    path = np.stack([start, np.where(end >= start, low, high), np.where(end >= start, high, low), end]) if count == 4 else np.stack([end])
    moments = np.array([int(part * interval_s) for part in MOMENTS[len(path)]]) * SECOND
    parts = np.tile(volume // len(path), (len(path), 1))
    parts[-1] += volume - parts.sum(axis=0)
    every = (times[None, :] + moments[:, None]).ravel()
    return every, np.tile(rows, len(path)), path.ravel(), parts.ravel()


def _sorted(times: Ints, rows: Ints, prices: Ints, quantities: Ints) -> Tape:
    """Sort by time; of two trades of one instrument at one time the second comes a microsecond later."""
    order = np.argsort(times, kind="stable")
    times, rows, prices, quantities = times[order].copy(), rows[order], prices[order], quantities[order]
    keys = np.lexsort((np.arange(len(times)), rows, times))
    is_first = (np.diff(times[keys], prepend=-1) != 0) | (np.diff(rows[keys], prepend=-1) != 0)
    places = np.arange(len(times))
    again = np.zeros(len(times), np.int64)
    again[keys] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    times += again * 1000
    order = np.argsort(times, kind="stable")
    found, first = np.unique(rows[order], return_index=True)
    opening = dict(zip(found.tolist(), prices[order][first].tolist(), strict=True))
    return Tape(times[order], rows[order], prices[order], quantities[order], opening)

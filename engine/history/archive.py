"""The price archive: bars and ticks of each instrument, kept as Parquet files beside the database.

One file an instrument and interval (bars) or day (ticks), replaced whole or not at all; what is added twice is kept once.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from engine.clock import IST_OFFSET_NS
from engine.core.errors import DataError, HistoryMissing
from engine.core.records import BAR, TICK, Rows

DAY_NS = 86_400 * 1_000_000_000
SECOND_NS = 1_000_000_000

_BAR_COLUMNS = ("time_ns", "session_minute", "open", "high", "low", "close", "volume", "oi")
_TICK_COLUMNS = tuple(name for name in TICK.names or () if name != "depth")
_DEPTH_COLUMNS = tuple(
    (f"{side}_{name}_{level + 1}", at, level, name)
    for at, side in enumerate(("bid", "ask"))
    for level in range(5)
    for name in ("quantity", "price", "orders")
)
_EPOCH = date(1970, 1, 1)
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)$")


class History:
    """The archive in one folder."""

    def __init__(self, root: Path | str) -> None:
        """Keep everything under `root`; it is made when something is added."""
        self.root = Path(root)

    def bars(self, key: str, interval_s: int, start_ns: int | None = None, end_ns: int | None = None) -> Rows:
        """Return BAR rows (instrument 0) that start in [start, end), in order of time; raises HistoryMissing when there are none."""
        file = self._bar_file(key, interval_s)
        rows = _read_bars(file) if file.is_file() else np.empty(0, dtype=BAR)
        times = rows["time_ns"]
        first = 0 if start_ns is None else int(np.searchsorted(times, start_ns))
        last = len(rows) if end_ns is None else int(np.searchsorted(times, end_ns))
        if first >= last:
            raise HistoryMissing(f"No bars of {key} at {interval_s} s for that time; import them, or load them from the broker.")
        return rows[first:last]

    def add(self, key: str, interval_s: int, rows: Rows) -> int:
        """Add BAR rows in any order and return how many there are now; of two bars of one time the one added last stays."""
        file = self._bar_file(key, interval_s)
        if file.is_file():
            rows = np.concatenate([_read_bars(file), rows])
        rows = latest_by_time(rows)
        if len(rows):
            _replace(file, {name: rows[name] for name in _BAR_COLUMNS})
        return len(rows)

    def ticks(self, key: str, day: date) -> Rows:
        """Return the TICK rows of India's day in order of time; raises HistoryMissing when there are none."""
        file = self._tick_file(key, day)
        if not file.is_file():
            raise HistoryMissing(f"No ticks of {key} on {day}; import them first.")
        return _read_ticks(file)

    def add_ticks(self, key: str, rows: Rows) -> int:
        """Add TICK rows, by the days of their exchange time, and return how many there are now on those days.

        Of a second that is there already, the ticks added last stay: within one, only their order tells them apart.
        """
        days = (rows["exchange_time"] * SECOND_NS + IST_OFFSET_NS) // DAY_NS
        count = 0
        for number in np.unique(days):
            file = self._tick_file(key, _EPOCH + timedelta(days=int(number)))
            fresh = rows[days == number]
            if file.is_file():
                old = _read_ticks(file)
                fresh = np.concatenate([old[~np.isin(old["exchange_time"], fresh["exchange_time"])], fresh])
            _replace(file, tick_columns(fresh[np.argsort(fresh["exchange_time"], kind="stable")]))
            count += len(fresh)
        return count

    def stored(self) -> list[tuple[str, int]]:
        """List what bars there are, as (key, interval in seconds)."""
        return sorted(self._walk_bars())

    def tick_days(self, key: str) -> list[date]:
        """List the days of which there are ticks."""
        folder = self._folder("ticks", key)
        return sorted(date.fromisoformat(file.stem) for file in folder.glob("*.parquet")) if folder.is_dir() else []

    def _walk_bars(self) -> Iterator[tuple[str, int]]:
        for file in (self.root / "bars").glob("*/*/*.parquet"):
            if file.stem.isdigit():
                yield f"{file.parent.parent.name}:{unquote(file.parent.name)}", int(file.stem)

    def _bar_file(self, key: str, interval_s: int) -> Path:
        return self._folder("bars", key) / f"{interval_s}.parquet"

    def _tick_file(self, key: str, day: date) -> Path:
        return self._folder("ticks", key) / f"{day.isoformat()}.parquet"

    def _folder(self, kind: str, key: str) -> Path:
        exchange, _, symbol = key.rpartition(":")
        return self.root / kind / _safe(exchange or "NSE") / _safe(symbol)


def latest_by_time(rows: Rows) -> Rows:
    """Sort BAR rows of one instrument by time; of several of one time the last given stays."""
    rows = rows[np.argsort(rows["time_ns"], kind="stable")]
    is_last = np.ones(len(rows), dtype=bool)
    is_last[:-1] = np.diff(rows["time_ns"]) != 0
    return rows[is_last]


def _safe(name: str) -> str:
    """Make a name that every file system takes, and that leads nowhere else."""
    safe = quote(name.upper(), safe=" &-_").replace(".", "%2E")
    return f"%{ord(safe[0]):02X}{safe[1:]}" if _RESERVED.match(safe) else safe


def _replace(file: Path, columns: dict[str, Any]) -> None:
    """Write a file beside the old one and put it in its place in one step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()})
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-")
    os.close(handle)
    try:
        pq.write_table(table, name, compression="zstd")
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def _read_columns(file: Path) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file, memory_map=False).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected prices in {file}, but: {str(error).splitlines()[0]}; delete it and import them again.") from None
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _read_bars(file: Path) -> Rows:
    columns = _read_columns(file)
    rows = np.zeros(len(columns["time_ns"]), dtype=BAR)
    for name in _BAR_COLUMNS:
        rows[name] = columns[name]
    return rows


def tick_columns(rows: Rows) -> dict[str, NDArray[Any]]:
    """Return all fields of TICK rows as plain columns, the depth level by level."""
    depth = rows["depth"]
    return {name: rows[name] for name in _TICK_COLUMNS} | {column: depth[:, at, level][name] for column, at, level, name in _DEPTH_COLUMNS}


def _read_ticks(file: Path) -> Rows:
    columns = _read_columns(file)
    rows = np.zeros(len(columns["exchange_time"]), dtype=TICK)
    for name in _TICK_COLUMNS:
        rows[name] = columns[name]
    depth = rows["depth"]
    for column, at, level, name in _DEPTH_COLUMNS:
        depth[name][:, at, level] = columns[column]
    return rows

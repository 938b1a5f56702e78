"""The list of everything that Zerodha trades: fetched once a day, kept as Parquet, read from there until the next morning.

Tokens serve the day of their list only. A list that cannot be fetched is replaced by the last one there is, and that is said.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from engine.brokers.zerodha.limiter import Call
from engine.brokers.zerodha.rest import KiteRest
from engine.clock import Clock, ist
from engine.core.errors import BrokerError, DataError, UserError
from engine.instruments import KITE_COLUMNS, Instruments

log = logging.getLogger(__name__)

READY = timedelta(hours=8, minutes=30)
"""India's time at which the day's list is out."""

KEPT = 5
"""Lists of past days that stay on the disk."""

_ROUTE = "market.instruments.all"


def list_day(time_ns: int) -> date:
    """Return the day whose list is the latest at that moment."""
    return (ist(time_ns) - READY).date()


class Dump:
    """The instrument lists in a folder."""

    def __init__(self, folder: Path | None, rest: KiteRest, clock: Clock) -> None:
        """Without a folder nothing is kept."""
        self._folder = folder / "instruments" if folder is not None else None
        self._rest = rest
        self._clock = clock

    async def load(self) -> Instruments:
        """Return the latest list, fetched if need be; raises BrokerError when there is none at all, UserError for an unreadable one."""
        day = list_day(self._clock.now_ns())
        if (file := self._file(day)) is not None and file.is_file():
            try:
                return await asyncio.to_thread(_read, file, day)
            except (DataError, UserError) as error:
                log.info("%s; it is fetched again", error)
        try:
            # The client's own `instruments()` makes a dictionary of each row by ways that take seconds: this is the text under it.
            raw: bytes = await self._rest.read(Call.OTHER, "_get", _ROUTE)
        except BrokerError as error:
            return await self._last_resort(error)
        return await asyncio.to_thread(self._take, raw, day)

    async def _last_resort(self, error: BrokerError) -> Instruments:
        for file in self._files():
            day = date.fromisoformat(file.stem.removeprefix("zerodha-"))
            log.info("the instrument list is of %s: %s", day, error)
            return await asyncio.to_thread(_read, file, day)
        raise error

    def _take(self, raw: bytes, day: date) -> Instruments:
        columns = _columns_of(raw)
        found = _instruments(columns, "the broker's instrument list", day)
        if (file := self._file(day)) is not None:
            _write(file, columns)
            for old in self._files()[KEPT:]:
                old.unlink(missing_ok=True)
        return found

    def _file(self, day: date) -> Path | None:
        return self._folder / f"zerodha-{day.isoformat()}.parquet" if self._folder is not None else None

    def _files(self) -> list[Path]:
        """List the lists on the disk, latest first."""
        return sorted(self._folder.glob("zerodha-????-??-??.parquet"), reverse=True) if self._folder is not None else []


def _columns_of(raw: bytes) -> dict[str, list[Any]]:
    """Read the CSV, every column as text: what is a number and what is not, the instruments decide."""
    import pyarrow as pa
    from pyarrow import csv

    options = csv.ConvertOptions(column_types=dict.fromkeys(KITE_COLUMNS, pa.string()), strings_can_be_null=False)
    try:
        table = csv.read_csv(io.BytesIO(raw), convert_options=options, parse_options=csv.ParseOptions(newlines_in_values=True))
    except pa.ArrowException as error:
        raise UserError(f"Expected the broker's instrument list, but: {str(error).splitlines()[0]}.") from None
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _instruments(columns: dict[str, list[Any]], source: str, day: date) -> Instruments:
    names = list(columns)
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return Instruments.from_kite_rows(rows, names, source, day)


def _write(file: Path, columns: dict[str, list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    pq.write_table(pa.table(columns), new, compression="zstd")
    os.replace(new, file)


def _read(file: Path, day: date) -> Instruments:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file, memory_map=False).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected an instrument list in {file}, but: {str(error).splitlines()[0]}") from None
    return _instruments({name: table.column(name).to_pylist() for name in table.column_names}, file.name, day)

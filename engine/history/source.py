"""Opens whatever prices come in (CSV, gzipped or zipped, or Parquet) as one table of named columns, each row with its line.

Nothing is interpreted here but the file's outer form: columns of a text file are texts.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import DataError, UserError
from engine.history.report import Rejected

MAX_COLUMNS = 500


@dataclass(slots=True)
class Source:
    """A file's columns by their lower-case names, all of one length."""

    path: Path
    columns: dict[str, Any]
    """Arrow arrays; of a file without a header they are called "0", "1", ..."""
    lines: NDArray[np.int64]
    """Where each row stands in the file."""
    has_header: bool = True
    broken: list[Rejected] = field(default_factory=list)
    """Lines that have another number of fields than the first."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.lines)


def read_source(path: Path | str) -> Source:
    """Read a file; raises UserError when it is missing or of no known form, DataError when it is damaged."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"Expected a file of prices at {path}, but: {error.strerror or error}.") from None
    if raw[:4] == b"PAR1":
        return _read_parquet(path, raw)
    try:
        text = _unpack(path, raw)
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError) as error:
        raise DataError(f"Expected a whole archive in {path}, but: {error}.") from None
    if not text.strip():
        raise UserError(f"Expected prices in {path}, but the file is empty.")
    return _read_csv(path, text)


def _unpack(path: Path, raw: bytes) -> bytes:
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            day = re.search(r"\d{8}", path.name)
            if len(names) > 1 and day is not None:
                # LEAN corrected some days by adding a file of the right day beside the wrong one.
                names = [name for name in names if day[0] in name]
            if len(names) != 1:
                raise UserError(f"Expected one file of prices in {path}, was {len(names)}; unpack it and import them one by one.")
            return archive.read(names[0])
    return raw


def _read_parquet(path: Path, raw: bytes) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(raw)).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a whole Parquet file in {path}, but: {str(error).splitlines()[0]}.") from None
    columns = {_name(name): table.column(index).combine_chunks() for index, name in enumerate(table.column_names)}
    return Source(path, columns, np.arange(1, table.num_rows + 1))


def _read_csv(path: Path, text: bytes) -> Source:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    header, has_header = _header(path, text)
    broken: list[Rejected] = []
    notes: list[Rejected] = []

    def on_broken(row: Any) -> Literal["skip"]:
        is_note = (row.text or "").lstrip().startswith(("*", "#"))
        (notes if is_note else broken).append(Rejected(row.number, f"expected {row.expected_columns} fields, was {row.actual_columns}"))
        return "skip"

    places = [str(number) for number in range(len(header))]
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(text),
            # Only a reader on one thread knows the numbers of the lines that it cannot read.
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=places, skip_rows=int(has_header)),
            parse_options=arrow_csv.ParseOptions(invalid_row_handler=on_broken, ignore_empty_lines=False),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowException as error:
        raise DataError(f"Expected lines of comma-separated prices in {path}, but: {str(error).splitlines()[0]}.") from None
    lines = np.arange(1 + has_header, 1 + has_header + table.num_rows + len(broken) + len(notes))
    lines = lines[~np.isin(lines, [row.line for row in broken + notes])]
    blank = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        blank &= pc.equal(column, pa.scalar("")).to_numpy()
    names = [_name(name) for name in header] if has_header else places
    columns: dict[str, Any] = {}
    for name, column in zip(names, table.columns, strict=True):
        columns.setdefault(name, column.combine_chunks().filter(pa.array(~blank)))
    return Source(path, columns, lines[~blank], has_header, broken)


def _header(path: Path, text: bytes) -> tuple[list[str], bool]:
    """Return the fields of the first line, and whether they are names."""
    first = text[: text.find(b"\n") if b"\n" in text else len(text)]
    try:
        fields = next(csv.reader([first.decode("utf-8-sig")]))
    except (UnicodeDecodeError, csv.Error, StopIteration):
        raise UserError(f"Expected CSV or Parquet in {path}, was neither.") from None
    if len(fields) < 2 or len(fields) > MAX_COLUMNS:
        raise UserError(f"Expected columns separated by commas in {path}, was {first[:40].decode('utf-8', 'replace').strip()!r}.")
    return fields, not re.match(r"^\s*[\d.]+([-/: T]|\s*$)", fields[0])


def _name(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip().strip("*").strip().lower())

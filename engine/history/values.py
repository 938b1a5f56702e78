"""Turns a column of texts into prices or times, and says which of them it could not read.

Times without a zone are India's. Days may be written 2025-10-29, 29-10-2025, 29/10/2025, 29-Oct-2025 or 20251029: the day always comes
before the month.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clock import IST, IST_OFFSET_NS

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that could not be read."""

EARLIEST_NS = 631_152_000 * 10**9
"""Nothing before 1990 is a time of Indian market data: clocks that were never set say 1970."""

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_TO_ISO = (
    (r"^(\d{4})(\d{2})(\d{2})([ _T]|$)", r"\1-\2-\3\4"),
    (r"^(\d{4})[/.](\d{2})[/.](\d{2})", r"\1-\2-\3"),
    (r"^(\d)([-/.])", r"0\1\2"),
    (r"^(\d{2})[-/.](\d)[-/.]", r"\1-0\2-"),
    (r"^(\d{2})[-/.](\d{2})[-/.](\d{4})", r"\3-\2-\1"),
    (r"_(\d{2})(\d{2})(\d{2})$", r" \1:\2:\3"),
    (r"_", " "),
)
_ZONE = r"[0-9](Z|[+-]\d{2}(:?\d{2})?)$"
_EPOCH_SCALES = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (float("inf"), 1))
"""Up to which number it is seconds, milli-, micro- or nanoseconds since 1970."""


def to_numbers(column: Any) -> NDArray[np.float64]:
    """Return a column as float64; what is no number, or is empty, is NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is_text(column):
        return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    plain = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", "")
    try:
        return np.asarray(pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        return np.array([_number(text) for text in plain.to_pylist()], dtype=np.float64)


def to_texts(column: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Return a column as codes and the distinct texts they stand for; -1 where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(pc.cast(column, pa.string()))
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [str(text).strip() for text in column.dictionary.to_pylist()]


def to_times(column: Any) -> tuple[NDArray[np.int64], bool]:
    """Return a column as UTC nanoseconds, NO_TIME where it cannot be read, and whether all are whole days of India."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        times = _of_timestamps(column)
    elif _is_text(column):
        times = _of_texts(column)
    else:
        times = _of_epochs(column)
    times[times < EARLIEST_NS] = NO_TIME
    known = times[times != NO_TIME]
    return times, bool(len(known)) and bool(np.all((known + IST_OFFSET_NS) % (86_400 * 10**9) == 0))


def joined(day: Any, clock: Any) -> Any:
    """Return one text column of a day's and a clock's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*(pc.utf8_trim_whitespace(pc.cast(part, pa.string())) for part in (day, clock)), " ")


def _is_text(column: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _number(text: str | None) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan


def _of_timestamps(column: Any) -> NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    has_zone = pa.types.is_timestamp(column.type) and column.type.tz is not None
    whole = pc.cast(column, pa.timestamp("ns", "UTC" if has_zone else None))
    times = np.asarray(pc.cast(whole, pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)).copy()
    if not has_zone:
        times[times != NO_TIME] -= IST_OFFSET_NS
    return times


def _of_epochs(column: Any) -> NDArray[np.int64]:
    """Read counts since 1970, their unit told by their size; in whole numbers, for a float of nanoseconds is too coarse."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_whole = _is_text(column) or pa.types.is_integer(column.type)
    numbers = pc.cast(column, pa.int64() if is_whole else pa.float64()).fill_null(NO_TIME if is_whole else 0).to_numpy(zero_copy_only=False)
    largest = np.max(numbers, initial=0)
    scale = next(scale for top, scale in _EPOCH_SCALES if largest < top)
    return np.where(numbers > 0, np.nan_to_num(numbers) * scale, NO_TIME).astype(np.int64)


def _of_texts(column: Any) -> NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if bool(pc.all(pc.match_substring_regex(column, r"^\s*\d{9,19}\s*$")).as_py()):
        return _of_epochs(pc.utf8_trim_whitespace(column))
    texts = pc.utf8_trim_whitespace(column)
    if bool(pc.any(pc.match_substring_regex(texts, r"(?i)^\d{1,2}[- ][a-z]{3}")).as_py()):
        texts = pc.utf8_upper(texts)
        for number, name in enumerate(_MONTHS, start=1):
            texts = pc.replace_substring_regex(texts, rf"^(\d{{1,2}})[- ]{name}[A-Z]*[- ]", rf"\1-{number:02}-")
    for pattern, iso in _TO_ISO:
        texts = pc.replace_substring_regex(texts, pattern, iso)
    has_zone = bool(pc.any(pc.match_substring_regex(texts, r":\d{2}.*" + _ZONE)).as_py())
    try:
        return _of_timestamps(pc.cast(texts, pa.timestamp("ns", "UTC" if has_zone else None)))
    except pa.ArrowInvalid:
        return np.array([_time(text) for text in texts.to_pylist()], dtype=np.int64)


def _time(text: str | None) -> int:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return int(NO_TIME)
    # In whole numbers: a float of seconds is off by a hundred nanoseconds.
    time = time if time.tzinfo else time.replace(tzinfo=IST)
    since = time - datetime(1970, 1, 1, tzinfo=time.tzinfo)
    offset = time.utcoffset()
    assert offset is not None
    return ((since - offset).days * 86_400 + (since - offset).seconds) * 10**9 + (since - offset).microseconds * 1_000

"""Reads recorded ticks from a file, in the order in which they were recorded, and leaves out what no market said.

Recorders replay the day before, stamp rows 1970, and tell the same thing twice: such rows are refused or counted, never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import DataError, HistoryMissing, UserError
from engine.core.records import MODE_FULL, MODE_LTP, MODE_QUOTE, TICK, Rows
from engine.history import layout, values
from engine.history.archive import tick_columns
from engine.history.bars import first_refusal
from engine.history.days import DayTable, EveryDay, TradingDays
from engine.history.readers import keys_of
from engine.history.report import ImportReport, Progress, Rejected
from engine.history.source import Source, read_source
from engine.history.values import NO_TIME

SECOND_NS = 10**9

_NUMBERS = {
    "last_price": layout.LAST_PRICE,
    "last_quantity": ("last_traded_quantity", "last_quantity", "ltq"),
    "average_price": ("average_traded_price", "average_price", "atp"),
    "volume": ("cum_volume", "volume_traded", "volume"),
    "buy_quantity": ("total_buy_quantity", "buy_quantity"),
    "sell_quantity": ("total_sell_quantity", "sell_quantity"),
    "open": ("day_open",),
    "high": ("day_high",),
    "low": ("day_low",),
    "close": ("day_close",),
    "oi": ("oi", "open_interest"),
    "instrument_token": ("instrument_token", "token"),
}
"""Fields of a tick, and what files call them."""

_DEPTH = {"price": "price", "quantity": "qty", "orders": "orders"}


def read_ticks(
    path: Path | str,
    symbols: Iterable[str] | None = None,
    *,
    skip_bad: bool = False,
    calendar: TradingDays | None = None,
    progress: Progress | None = None,
    report: ImportReport | None = None,
) -> dict[str, Rows]:
    """Read the ticks of a file and return TICK rows, in order of time and as recorded within a second, by instrument key.

    `symbols`, `skip_bad`, `calendar` and `report` are as in `read_bars`. Times are whole seconds, as a tick has them; a token is 0
    where the file has none. Rows of another day than the file says they are of, or of a day without trading, are refused.

    Raises UserError, UnknownSymbol, DataError (a row that cannot be true) or HistoryMissing (no rows at all).
    """
    report = report if report is not None else ImportReport()
    told = progress or (lambda done, total, what: None)
    told(0, 1, "reading")
    wanted = None if symbols is None else list(symbols)
    return ticks_of(read_source(path), wanted, skip_bad, calendar or EveryDay(), told, report)


def ticks_of(
    source: Source, wanted: list[str] | None, skip_bad: bool, days: TradingDays, progress: Progress, report: ImportReport
) -> dict[str, Rows]:
    """Do what `read_ticks` does with a file that is open already."""
    report.source, report.kind = source.path.name, "ticks"
    layout.name_columns(source)
    if not layout.has_ticks(source):
        raise UserError(layout.what_is_missing(source))
    keys, codes = keys_of(source, wanted[0] if wanted and len(wanted) == 1 else None)
    chosen = layout.choose(wanted, keys, source.path)
    is_chosen = np.array([key in chosen for key in keys] + [True])[codes]
    times, _ = values.to_times(layout.column(source, layout.TIME))
    rows = _to_rows(source, times)
    is_good, refused = _judge(source, codes, times, rows["last_price"], is_chosen, days)
    for line, why in sorted(refused + source.broken):
        report.reject(line, why)
    if report.rejected_rows and not (skip_bad and is_good.any()):
        raise DataError(first_refusal(report, source))
    if not is_good.any():
        raise HistoryMissing(f"Expected ticks in {source.path}, was none that can be taken.")
    table = DayTable(times[is_good], days)
    report.outside_session += int(np.count_nonzero((times[is_good] < table.opens) | (times[is_good] >= table.closes)))
    return _split(rows[is_good], codes[is_good], keys, progress, report)


def _judge(
    source: Source,
    codes: NDArray[np.int64],
    times: NDArray[np.int64],
    prices: NDArray[np.float64],
    is_chosen: NDArray[np.bool_],
    days: TradingDays,
) -> tuple[NDArray[np.bool_], list[Rejected]]:
    table = DayTable(times, days)
    judgements: list[tuple[NDArray[np.bool_], Callable[[int], str]]] = [
        (codes < 0, lambda i: "expected a symbol, was none"),
        (times == NO_TIME, lambda i: "expected a date and time, was unreadable or before 1990"),
        (~(np.isfinite(prices) & (prices > 0)), lambda i: f"expected a price above 0, was {prices[i]:g}"),
        (~table.is_trading, lambda i: f"expected a trading day, was {table.date_of(i)}, on which the market was closed"),
    ]
    if "file_date" in source.columns:
        stated, _ = values.to_times(source.columns["file_date"])
        is_other = (times - stated < 0) | (times - stated >= 86_400 * SECOND_NS)
        judgements.append((is_other, lambda i: f"expected a tick of the file's day, was one of {table.date_of(i)}"))
    is_good = is_chosen.copy()
    refused: list[Rejected] = []
    for is_bad, why in judgements:
        refused += [Rejected(int(source.lines[i]), why(int(i))) for i in np.flatnonzero(is_bad & is_good)]
        is_good &= ~is_bad
    return is_good, refused


def _to_rows(source: Source, times: NDArray[np.int64]) -> Rows:
    rows = np.zeros(len(source), dtype=TICK)
    seconds = np.where(times == NO_TIME, 0, times // SECOND_NS)
    rows["exchange_time"] = rows["last_trade_time"] = seconds
    for name, columns in _NUMBERS.items():
        column = layout.column(source, columns)
        if column is not None:
            numbers = values.to_numbers(column)
            rows[name] = numbers if name == "last_price" else np.nan_to_num(numbers)
    if "last_trade_time" in source.columns:
        traded, _ = values.to_times(source.columns["last_trade_time"])
        rows["last_trade_time"] = np.where(traded == NO_TIME, 0, traded // SECOND_NS)
    if layout.column(source, _NUMBERS["volume"]) is None and "volume_delta" in source.columns:
        # The first rise is from whatever the recorder held when it started.
        rises = np.nan_to_num(values.to_numbers(source.columns["volume_delta"]))
        rises[:1] = 0
        rows["volume"] = np.cumsum(rises)
    has_depth = _fill_depth(source, rows)
    has_volume = bool(rows["volume"].any())
    rows["mode"] = MODE_FULL if has_depth else MODE_QUOTE if has_volume else MODE_LTP
    return rows


def _fill_depth(source: Source, rows: Any) -> bool:
    found = False
    for at, side in enumerate(("bid", "ask")):
        for level in range(5):
            for field, word in _DEPTH.items():
                column = source.columns.get(f"{side}_{word}_{level + 1}")
                if column is not None:
                    rows["depth"][field][:, at, level] = np.nan_to_num(values.to_numbers(column))
                    found = True
    return found


def without_repeats(rows: Rows) -> Rows:
    """Sort TICK rows of one instrument by second, as recorded within it, and drop what was told twice.

    A tick with the day's volume is a repeat of any equal one; without, only of the one just before it, for prices do come back.
    """
    rows = rows[np.argsort(rows["exchange_time"], kind="stable")]
    # Records have gaps between their fields, whose bytes mean nothing: compare the fields alone.
    columns = {name: column for name, column in tick_columns(rows).items() if column.any()}
    packed = np.empty(len(rows), dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        packed[name] = column
    raw = packed.view(f"V{packed.dtype.itemsize}")
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = raw[1:] != raw[:-1]
    with_volume = np.flatnonzero(rows["volume"] > 0)
    is_first = np.zeros(len(with_volume), dtype=bool)
    is_first[np.unique(raw[with_volume], return_index=True)[1]] = True
    is_new[with_volume] = is_first
    return rows[is_new]


def _split(rows: Rows, codes: NDArray[np.int64], keys: list[str], progress: Progress, report: ImportReport) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for done, number in enumerate(np.unique(codes), start=1):
        mine = rows[codes == number]
        key = keys[int(number)]
        report.unordered += int(np.count_nonzero(np.diff(mine["exchange_time"]) < 0))
        found[key] = without_repeats(mine)
        report.duplicates += len(mine) - len(found[key])
        report.by_key[key] = len(found[key])
        report.taken += len(found[key])
        progress(done, len(keys), "sorting")
    return dict(sorted(found.items()))

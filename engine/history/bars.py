"""Reads bars from a file and lets in only those that can be true.

Not a number, high below low, a price of zero or less, an unreadable time: such a row is refused, with its line. Open or close outside
high and low (vendors round, and join two feeds), and prices off today's grid, are counted and kept, for grids have changed over the
years.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import DataError, HistoryMissing
from engine.core.records import BAR, Rows
from engine.history import layout
from engine.history.archive import latest_by_time
from engine.history.days import MINUTE_NS, DayTable, EveryDay, TradingDays
from engine.history.readers import RawBars, read_raw
from engine.history.repair import Repairer
from engine.history.report import ImportReport, Progress, Rejected
from engine.history.rules import Repair
from engine.history.source import Source, read_source
from engine.history.values import NO_TIME

PAISA = 0.01
ROUNDING = 1e-9
"""Nothing smaller is told apart."""

SKIP, DROP = "have such rows skipped", "have it repaired with rows=drop"
"""What helps against a row that cannot be true: where rows are imported, and where damage is repaired."""

SECOND_NS = 10**9
DAY_S = 86_400


def read_bars(
    path: Path | str,
    symbols: Iterable[str] | None = None,
    *,
    interval_s: int | None = None,
    strict: bool = False,
    skip_bad: bool = False,
    calendar: TradingDays | None = None,
    tick_size: Callable[[str], float] | None = None,
    progress: Progress | None = None,
    report: ImportReport | None = None,
    repair: Repair | None = None,
) -> dict[str, Rows]:
    """Read the bars of a file and return BAR rows (instrument 0, in order of time) by instrument key.

    `symbols`: only these, as symbols or keys; one of them names the instrument of a file that does not. `interval_s`: of the bars, if
    the file must not tell it itself. `strict` refuses what is only odd; `skip_bad` leaves refused rows out instead of raising.
    `calendar` anchors `session_minute` and refuses days without trading (without it every day opens at 09:15); `tick_size(key)` is the
    grid (without it the paisa). A day's bar is stamped with the day's open. `report` is filled in.

    `repair`: rules for damaged bars, as a backtest wants them; None takes bars of any order and hours, and of two of one time the last.

    Raises UserError (no such file or column), UnknownSymbol, DataError (a row that cannot be true), HistoryMissing (no rows at all).
    """
    report = report if report is not None else ImportReport()
    told = progress or (lambda done, total, what: None)
    wanted = None if symbols is None else list(symbols)
    told(0, 1, "reading")
    return bars_of(read_source(path), wanted, interval_s, strict, skip_bad, calendar or EveryDay(), tick_size, told, report, repair)


def bars_of(
    source: Source,
    wanted: list[str] | None,
    interval_s: int | None,
    strict: bool,
    skip_bad: bool,
    days: TradingDays,
    tick_size: Callable[[str], float] | None,
    progress: Progress,
    report: ImportReport,
    repair: Repair | None = None,
) -> dict[str, Rows]:
    """Do what `read_bars` does with a file that is open already."""
    report.source, report.kind = source.path.name, "bars"
    raw = read_raw(source, wanted[0] if wanted and len(wanted) == 1 else None)
    chosen = layout.choose(wanted, raw.keys, source.path)
    raw = _leave_out(raw, chosen, report)
    repairer = Repairer(repair, source.path, days, report) if repair is not None else None
    if repairer is not None:
        repairer.clock(raw)
        skip_bad = skip_bad or repairer.rules.rows == "drop"
    raw, refused = _judge(raw, days, strict, tick_size, report)
    for line, why in sorted(refused + source.broken):
        report.reject(line, why)
    if report.rejected_rows and not (skip_bad and len(raw)):
        raise DataError(first_refusal(report, source, DROP if repairer is not None else SKIP))
    if not len(raw):
        raise HistoryMissing(f"Expected bars in {source.path}, was none that can be taken.")
    report.interval_s = interval_s or (DAY_S if raw.is_daily else _interval_of(raw))
    if repairer is not None:
        repairer.rows(refused + source.broken)
        raw = repairer.mend(raw, report.interval_s)
    return _to_rows(raw, days, progress, report)


def first_refusal(report: ImportReport, source: Source, remedy: str = SKIP) -> str:
    """Return one sentence about the first refused row, how many there are, and what to do."""
    line, why = report.rejected[0]
    more = f" (and {report.rejected_rows - 1:,} more rows)" if report.rejected_rows > 1 else ""
    return f"{source.path} line {line}: {why}{more}; mend the file, or {remedy}."


def _leave_out(raw: RawBars, chosen: set[str], report: ImportReport) -> RawBars:
    is_chosen = np.array([key in chosen for key in raw.keys] + [True])[raw.codes]
    if raw.untraded is not None:
        report.untraded = int(np.count_nonzero(raw.untraded & is_chosen))
        is_chosen &= ~raw.untraded
    return raw.take(is_chosen)


def _judge(
    raw: RawBars, days: TradingDays, strict: bool, tick_size: Callable[[str], float] | None, report: ImportReport
) -> tuple[RawBars, list[Rejected]]:
    """Return the rows that can be true, and the others with their reasons."""
    o, h, l, c = (raw.prices[name] for name in layout.BAR_COLUMNS)  # noqa: E741  # as every chart calls them
    table = DayTable(raw.times, days)
    is_off_grid = _off_grid(raw, tick_size)
    is_outside = (np.maximum(o, c) > h + ROUNDING) | (np.minimum(o, c) < l - ROUNDING)
    judgements: list[tuple[NDArray[np.bool_], Callable[[int], str]]] = [
        (raw.codes < 0, lambda i: "expected a symbol, was none"),
        (raw.times == NO_TIME, lambda i: "expected a date and time, was unreadable"),
        (
            ~(np.isfinite(o) & np.isfinite(h) & np.isfinite(l) & np.isfinite(c)),
            lambda i: "expected open, high, low and close as numbers, was not a number (NaN)",
        ),
        (np.minimum.reduce([o, h, l, c]) <= 0, lambda i: f"expected prices above 0, was {min(o[i], h[i], l[i], c[i]):g}"),
        (h < l, lambda i: f"expected high at or above low, was high {h[i]:g} and low {l[i]:g}"),
        (~(raw.volume >= 0), lambda i: f"expected a volume of 0 or more, was {raw.volume[i]:g}"),
        (~table.is_trading, lambda i: f"expected a trading day, was {table.date_of(i)}, on which the market was closed"),
    ]
    if strict:
        judgements.append((is_outside, lambda i: f"expected open {o[i]:g} and close {c[i]:g} within {l[i]:g} to {h[i]:g}"))
        judgements.append((is_off_grid, lambda i: "expected prices on the tick grid, was off it"))
    is_good = np.ones(len(raw), dtype=bool)
    refused: list[Rejected] = []
    for is_bad, why in judgements:
        refused += [Rejected(int(raw.lines[i]), why(int(i))) for i in np.flatnonzero(is_bad & is_good)]
        is_good &= ~is_bad
    report.off_grid += int(np.count_nonzero(is_off_grid & is_good))
    report.outside_range += int(np.count_nonzero(is_outside & is_good))
    return raw.take(is_good), refused


def _off_grid(raw: RawBars, tick_size: Callable[[str], float] | None) -> NDArray[np.bool_]:
    ticks = np.array([tick_size(key) if tick_size else PAISA for key in raw.keys] + [PAISA])[raw.codes]
    off = np.zeros(len(raw), dtype=bool)
    with np.errstate(invalid="ignore"):
        for prices in raw.prices.values():
            steps = prices / ticks
            off |= np.abs(steps - np.round(steps)) > 1e-4
    return off


def _interval_of(raw: RawBars) -> int:
    """Tell the interval from the bars: the commonest distance from one to the next of a day; a minute where there is none."""
    order = np.lexsort((raw.times, raw.codes))
    steps = np.diff(raw.times[order])[np.diff(raw.codes[order]) == 0]
    distances, counts = np.unique(steps[(steps > 0) & (steps < DAY_S // 2 * SECOND_NS)], return_counts=True)
    return int(distances[np.argmax(counts)] // SECOND_NS) or 1 if len(distances) else 60


def _to_rows(raw: RawBars, days: TradingDays, progress: Progress, report: ImportReport) -> dict[str, Rows]:
    table = DayTable(raw.times, days)
    opens = table.opens
    times = opens if report.interval_s >= DAY_S else raw.times
    if report.interval_s < DAY_S:
        report.outside_session += int(np.count_nonzero((times < opens) | (times >= table.closes)))
    rows = np.zeros(len(raw), dtype=BAR)
    rows["time_ns"] = times
    rows["session_minute"] = (times - opens) // MINUTE_NS
    for name, column in (*raw.prices.items(), ("volume", raw.volume), ("oi", np.nan_to_num(raw.oi))):
        rows[name] = column
    order = np.argsort(raw.codes, kind="stable")
    ends = np.cumsum(np.bincount(raw.codes, minlength=len(raw.keys)))
    found: dict[str, Rows] = {}
    for number, end in enumerate(ends):
        mine = rows[order[ends[number - 1] if number else 0 : end]]
        if len(mine):
            key = raw.keys[number]
            report.unordered += int(np.count_nonzero(np.diff(mine["time_ns"]) < 0))
            found[key] = latest_by_time(mine)
            report.duplicates += len(mine) - len(found[key])
            report.by_key[key] = len(found[key])
            report.taken += len(found[key])
            progress(int(end), len(rows), "sorting")
    return dict(sorted(found.items()))

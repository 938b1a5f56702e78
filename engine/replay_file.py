"""A file of bars or ticks as a market: its prices, each under the instrument that they are of.

A symbol that no catalogue knows is taken as a plain share; whatever is wrong with the file is told before anything trades.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.calendar import Calendar
from engine.core.model import Instrument
from engine.core.records import Rows
from engine.history import ImportReport, Progress, Repair, layout
from engine.history.bars import bars_of
from engine.history.source import read_source
from engine.history.ticks import ticks_of
from engine.instruments import Instruments


def read_replay(
    path: Path,
    symbols: Iterable[str] | None,
    calendar: Calendar,
    known: Instruments,
    *,
    interval_s: int | None = None,
    strict: bool = False,
    skip_bad: bool = False,
    progress: Progress | None = None,
    report: ImportReport | None = None,
    repair: Repair | None = None,
) -> dict[Instrument, Rows]:
    """Read BAR or TICK rows by instrument; `symbols` None takes all. For a worker thread: a large file takes seconds.

    `report` is filled in, `report.kind` says bars or ticks and `report.interval_s` how long a bar is. `repair`: rules for damaged bars, as
    in `read_bars`; of ticks, those rows that cannot be true are dropped by it. Raises UserError (no such file),
    UnknownSymbol, DataError (a row that cannot be true) or HistoryMissing.
    """
    told = progress or (lambda done, total, what: None)
    report = report if report is not None else ImportReport()
    wanted = list(symbols) if symbols is not None else None
    told(0, 1, "reading")
    source = read_source(path)
    layout.name_columns(source)
    if layout.has_ticks(source):
        found = ticks_of(source, wanted, skip_bad or (repair is not None and repair.rows == "drop"), calendar, told, report)
    else:
        found = bars_of(source, wanted, interval_s, strict, skip_bad, calendar, None, told, report, repair)
    return {known.adopt(key): rows for key, rows in found.items()}

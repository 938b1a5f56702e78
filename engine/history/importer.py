"""Takes a file of prices into the archive: bars or ticks, whatever it holds; all of it or, if a row cannot be true, nothing.

A tradebook is recognised and left alone: it tells what the trader did, not what the market did (`engine.tradebook` reads it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from engine.history import layout
from engine.history.archive import History
from engine.history.bars import bars_of
from engine.history.days import EveryDay, TradingDays
from engine.history.report import ImportReport, Progress
from engine.history.source import read_source
from engine.history.ticks import ticks_of


def import_file(
    path: Path | str,
    history: History,
    symbols: Iterable[str] | None = None,
    *,
    interval_s: int | None = None,
    strict: bool = False,
    skip_bad: bool = False,
    calendar: TradingDays | None = None,
    tick_size: Callable[[str], float] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Read a file of bars or ticks and add it to the archive; the arguments and errors are those of `read_bars`.

    Nothing is written unless the whole file was taken. What is imported again is kept once.
    """
    told = progress or (lambda done, total, what: None)
    report = ImportReport()
    wanted = None if symbols is None else list(symbols)
    told(0, 1, "reading")
    source = read_source(path)
    layout.name_columns(source)
    if layout.has_ticks(source):
        found = ticks_of(source, wanted, skip_bad, calendar or EveryDay(), told, report)
    else:
        found = bars_of(source, wanted, interval_s, strict, skip_bad, calendar or EveryDay(), tick_size, told, report)
    for done, (key, rows) in enumerate(found.items(), start=1):
        if report.kind == "ticks":
            history.add_ticks(key, rows)
        else:
            history.add(key, report.interval_s, rows)
        told(done, len(found), "writing")
    return report

"""Finds bars that stand in the wrong order, twice, with holes between them or in another time zone, and mends them by the chosen rules.

Every repair is written into the report with the rows it touched; what is refused is named with file, line and the rule that would take it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import DataError
from engine.history.days import MINUTE_NS, DayTable, TradingDays
from engine.history.readers import RawBars
from engine.history.report import Gap, ImportReport, Rejected, Repaired
from engine.history.rules import Repair
from engine.history.values import NO_TIME

SECOND_NS = 10**9
NAMED_LINES = 20
"""Rows that a repair names; the rest are counted."""

KEPT_GAPS = 100
"""Holes that are named one by one."""

FEW = 0.1
"""No more than this share of the bars lies outside trading hours when the clock is right: before the open, after the close."""

NEARLY_ALL = 0.98
"""At least this share lies inside when the clock was put right."""

SAMPLE = 20_000
"""Times that an offset is tried on."""

_HALF_HOUR = 30 * MINUTE_NS
_INDIA = 11 * _HALF_HOUR
_OFFSETS = sorted((k * _HALF_HOUR for k in range(-28, 29) if k), key=lambda by: (abs(by) != _INDIA, abs(by)))
"""Offsets of the world's clocks from each other; India's own from UTC comes first."""


class Repairer:
    """One file's repairs."""

    def __init__(self, rules: Repair, path: Path, days: TradingDays, report: ImportReport) -> None:
        self.rules = rules
        self._path = path
        self._days = days
        self._report = report
        report.rules = rules.text

    def clock(self, raw: RawBars) -> None:
        """Find a fixed offset that puts the bars into trading hours, and shift them by it or refuse."""
        is_known = raw.times != NO_TIME
        times = raw.times[is_known]
        if raw.is_daily or self.rules.hours not in ("refuse", "shift") or not len(times):
            return
        by = offset_of(times, self._days)
        if not by:
            return
        if self.rules.hours == "refuse":
            first = int(np.flatnonzero(is_known & ~self._inside(raw.times, is_known))[0])
            hours = f"{'-' if by < 0 else '+'}{abs(by) // MINUTE_NS // 60}:{abs(by) // MINUTE_NS % 60:02}"
            why = f"expected times in trading hours, was a clock that is off by {hours}, as of another time zone"
            self._refuse(int(raw.lines[first]), why, "hours=shift")
        self._report.shifted_ns = by
        self._note("times of another time zone", "shift", raw.lines[is_known])
        raw.times[is_known] += by

    def rows(self, refused: list[Rejected]) -> None:
        """Note the rows that were dropped because they cannot be true."""
        if refused:
            self._note("rows that cannot be true", "drop", np.array(sorted(row.line for row in refused)))

    def mend(self, raw: RawBars, interval_s: int) -> RawBars:
        """Put bars in order, each time once, and fill what is to be filled; raises DataError for what is refused."""
        raw = self._trim(raw)
        raw = self._sort(raw)
        raw = self._once(raw)
        return raw if raw.is_daily else self._whole(raw, interval_s * SECOND_NS)

    def _trim(self, raw: RawBars) -> RawBars:
        if self.rules.hours != "trim" or raw.is_daily:
            return raw
        is_inside = self._inside(raw.times, np.ones(len(raw), dtype=bool))
        if not is_inside.all():
            self._note("bars outside trading hours", "trim", raw.lines[~is_inside])
        return raw.take(is_inside)

    def _sort(self, raw: RawBars) -> RawBars:
        is_late = late_rows(raw)
        self._report.unordered += int(np.count_nonzero(is_late))
        if is_late.any():
            lines = np.sort(raw.lines[is_late])
            if self.rules.order == "refuse":
                why = f"expected bars of one instrument in order of time, was one that stands after a later one{_more(lines)}"
                self._refuse(int(lines[0]), why, "order=sort")
            self._note("bars out of order", "sort", lines)
        return raw.take(np.lexsort((raw.times, raw.codes)))

    def _once(self, raw: RawBars) -> RawBars:
        """Let each time of an instrument be told once; the bars are in order, those of one time as they stood in the file."""
        is_repeat = np.zeros(len(raw), dtype=bool)
        is_repeat[1:] = (np.diff(raw.times) == 0) & (np.diff(raw.codes) == 0)
        starts = np.flatnonzero(~is_repeat)
        leader = np.repeat(starts, np.diff(np.append(starts, len(raw))))
        is_other = np.zeros(len(raw), dtype=bool)
        for column in (*raw.prices.values(), raw.volume, raw.oi):
            is_other |= (column != column[leader]) & ~(np.isnan(column) & np.isnan(column[leader]))
        self._report.duplicates += int(np.count_nonzero(is_repeat))
        if not is_other.any():
            return raw.take(~is_repeat)
        lines = np.sort(raw.lines[is_other])
        if self.rules.duplicates == "refuse":
            at = int(raw.lines[leader[np.flatnonzero(raw.lines == lines[0])[0]]])
            why = f"expected one bar a time, was a second one that differs from line {at}{_more(lines)}"
            self._refuse(int(lines[0]), why, "duplicates=last")
        self._note("two different bars of one time", self.rules.duplicates, lines)
        if self.rules.duplicates == "first":
            return raw.take(~is_repeat)
        is_last = np.ones(len(raw), dtype=bool)
        is_last[:-1] = ~is_repeat[1:]
        return raw.take(is_last)

    def _whole(self, raw: RawBars, step_ns: int) -> RawBars:
        after, times = missing_bars(raw, step_ns, self._days)
        if not len(after):
            return raw
        holes, counts = np.unique(after, return_counts=True)
        self._report.gaps += len(holes)
        self._report.missing += len(after)
        for row, count in zip(holes[:KEPT_GAPS].tolist(), counts.tolist(), strict=False):
            self._report.first_gaps.append(Gap(raw.keys[raw.codes[row]], int(raw.lines[row]), int(raw.times[row]), count))
        if self.rules.gaps == "refuse":
            first = int(holes[np.argmin(raw.lines[holes])])
            count = int(counts[np.searchsorted(holes, first)])
            why = f"expected the next bar {step_ns // SECOND_NS} s later, were {count:,} missing after it{_more(holes)}"
            self._refuse(int(raw.lines[first]), why, "gaps=fill")
        if self.rules.gaps != "fill":
            return raw
        self._note("missing bars, after the rows named", "fill", raw.lines[holes], len(after))
        return filled(raw, after, times)

    def _inside(self, times: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        inside = np.zeros(len(times), dtype=bool)
        inside[mask] = DayTable(times[mask], self._days).is_open(times[mask])
        return inside

    def _note(self, fault: str, rule: str, lines: NDArray[np.int64], count: int | None = None) -> None:
        named = tuple(int(line) for line in lines[:NAMED_LINES])
        self._report.repairs.append(Repaired(fault, rule, len(lines) if count is None else count, named))

    def _refuse(self, line: int, why: str, rule: str) -> None:
        raise DataError(f"{self._path} line {line}: {why}; mend the file, or have it repaired with {rule}.")


def offset_of(times: NDArray[np.int64], days: TradingDays) -> int:
    """Return by how many nanoseconds the times must be moved to lie in trading hours, 0 when they do or nothing does it."""

    def share(by: int) -> float:
        moved = distinct + by
        return float(DayTable(moved, days).is_open(moved).mean())

    distinct = np.unique(times)
    distinct = distinct[:: -(-len(distinct) // SAMPLE)]
    if share(0) >= 1 - FEW:
        return 0
    shares = [share(by) for by in _OFFSETS]
    best = max(shares)
    return _OFFSETS[shares.index(best)] if best >= NEARLY_ALL else 0


def late_rows(raw: RawBars) -> NDArray[np.bool_]:
    """Tell which bars stand after a later one of their instrument."""
    order = np.argsort(raw.codes, kind="stable")
    times, codes = raw.times[order], raw.codes[order]
    is_late = np.zeros(len(raw), dtype=bool)
    starts = np.flatnonzero(np.append(True, np.diff(codes) != 0))
    for start, end in zip(starts, np.append(starts[1:], len(raw)), strict=True):
        is_late[order[start:end]] = times[start:end] < np.maximum.accumulate(times[start:end])
    return is_late


def missing_bars(raw: RawBars, step_ns: int, days: TradingDays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each missing bar the row that it should have followed, and its time; bars are in order, each time once.

    A bar is missing between two bars of one instrument and day while the market was open; a late first bar and an early last one are not
    missing, for a share may trade late.
    """
    table = DayTable(raw.times, days)
    steps = -(-np.diff(raw.times) // step_ns) - 1
    is_same = (np.diff(raw.codes) == 0) & (np.diff(table.numbers) == 0)
    counts = np.where(is_same, np.maximum(steps, 0), 0)
    after = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(after)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    times = raw.times[after] + nth * step_ns
    is_open = DayTable(times, days).is_open(times) if len(times) else np.zeros(0, dtype=bool)
    return after[is_open], times[is_open]


def filled(raw: RawBars, after: NDArray[np.int64], times: NDArray[np.int64]) -> RawBars:
    """Return the bars with flat ones of volume 0 at the close of the row each follows."""
    close = raw.prices["close"][after]
    whole = RawBars(
        raw.keys,
        np.concatenate([raw.codes, raw.codes[after]]),
        np.concatenate([raw.times, times]),
        raw.is_daily,
        {name: np.concatenate([column, close]) for name, column in raw.prices.items()},
        np.concatenate([raw.volume, np.zeros(len(after))]),
        np.concatenate([raw.oi, raw.oi[after]]),
        np.concatenate([raw.lines, raw.lines[after]]),
    )
    return whole.take(np.lexsort((whole.times, whole.codes)))


def _more(rows: NDArray[np.int64]) -> str:
    return f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""

"""The bars of one chart: history, what closed since, and the bar that is being made now, in one row of arrays.

A chart of five minutes grows out of one-minute bars by the same law that resamples history; nothing is drawn from ticks alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.bars import MINUTE_NS, SECOND_NS, extend, open_of, window_start
from engine.core.records import BAR, Row, Rows

MINUTE_S = 60


class Series:
    """Bars of one instrument and interval; a bar's place is its x on the chart."""

    def __init__(self, interval_s: int) -> None:
        self.interval_s = interval_s
        self._rows = np.zeros(1_024, dtype=BAR)
        self._count = 0
        self._base: Rows | None = None
        """The last bar as made of closed minutes only; None when none of its minutes has closed yet."""
        self._until_ns = 0
        """Minutes that begin before this are in the bars already."""

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> Rows:
        """All bars; the last may still be forming. Valid until the next change."""
        return self._rows[: self._count]

    @property
    def times(self) -> NDArray[np.int64]:
        """Their starts."""
        return np.asarray(self._rows["time_ns"][: self._count])

    @property
    def last(self) -> Row | None:
        """The newest bar, None when there is none."""
        return self._rows[self._count - 1] if self._count else None

    def load(self, rows: Rows, until_ns: int = 0) -> None:
        """Begin anew with history in order of time, which holds all minutes that begin before `until_ns`."""
        if len(rows) > len(self._rows):
            self._rows = np.zeros(2 * len(rows), dtype=BAR)
        self._rows[: len(rows)] = rows
        self._count = len(rows)
        is_open = len(rows) > 0 and self.interval_s > MINUTE_S
        self._base = rows[-1:].copy() if is_open else None
        self._until_ns = until_ns if is_open else int(rows["time_ns"][-1]) + MINUTE_NS if len(rows) else 0

    def place(self, time_ns: int) -> int:
        """Return the bar a moment falls into, -1 before the first."""
        return int(np.searchsorted(self.times, time_ns, side="right")) - 1

    def on_closed(self, interval_s: int, bar: Row) -> bool:
        """Take a bar that closed, of this interval or a minute of it; tell whether anything changed."""
        if interval_s == self.interval_s:
            self._base = None
            self._until_ns = int(bar.time_ns) + interval_s * SECOND_NS
            return self._put(bar)
        if interval_s != MINUTE_S or bar.time_ns < self._until_ns:
            return False
        start = self._start(bar)
        if self._base is None or self._base[0].time_ns != start:
            self._base = _window(bar, start)
        else:
            extend(self._base[0], bar)
        self._until_ns = int(bar.time_ns) + MINUTE_NS
        return self._put(self._base[0])

    def on_forming(self, minute: Row) -> bool:
        """Take the minute that is being made now; tell whether anything changed."""
        if minute.time_ns <= 0 or minute.time_ns < self._until_ns:
            return False
        start = self._start(minute)
        if self._base is None or self._base[0].time_ns != start:
            return self._put(_window(minute, start)[0])
        bar = self._base.copy()
        extend(bar[0], minute)
        return self._put(bar[0])

    def _start(self, minute: Row) -> int:
        return int(window_start(int(minute.time_ns), self.interval_s, open_of(minute)))

    def _put(self, bar: Row) -> bool:
        last = self.last
        if last is not None and bar.time_ns < last.time_ns:
            return False
        if last is not None and bar.time_ns == last.time_ns:
            if last == bar:
                return False
        else:
            if self._count == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros(self._count, dtype=BAR)])
            self._count += 1
        self._rows[self._count - 1] = bar
        return True


def _window(minute: Row, start_ns: int) -> Rows:
    made = np.zeros(1, dtype=BAR)
    made[0] = minute
    made[0].session_minute -= (int(minute.time_ns) - start_ns) // MINUTE_NS
    made[0].time_ns = start_ns
    return made

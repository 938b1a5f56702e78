"""The closed minute bars of the session, of all instruments, in memory: the newest take the place of the oldest.

One block that is made and touched once: a terminal that runs all day takes what it needs at the start and no more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.records import BAR, Rows

KEPT_MINUTES = 200_000
"""Bars that are kept, all instruments together: 12.8 MB, a whole day of 500."""

_NOBODY = -1


class BarTape:
    """Minutes in the order in which they closed; one of a time and an instrument is there once."""

    def __init__(self, capacity: int = KEPT_MINUTES) -> None:
        self._rows: Rows = np.empty(capacity, dtype=BAR)
        self._rows["instrument"] = _NOBODY
        self._next = self._used = 0

    def add(self, minutes: Rows) -> None:
        """Take in minutes (BAR rows) that have just closed."""
        capacity = len(self._rows)
        minutes = minutes[-capacity:]
        self._rows[np.arange(self._next, self._next + len(minutes)) % capacity] = minutes
        self._next = (self._next + len(minutes)) % capacity
        self._used = min(capacity, self._used + len(minutes))

    def fill_in(self, slot: int, minutes: Rows) -> None:
        """Take in an instrument's minutes from history (BAR rows): they are believed before what was made of ticks."""
        places = self._places_of(slot)
        _, own, theirs = np.intersect1d(self._rows["time_ns"][places], minutes["time_ns"], return_indices=True)
        rows = minutes.copy()
        rows["instrument"] = slot
        self._rows[places[own]] = rows[theirs]
        self.add(np.delete(rows, theirs))

    def of(self, slot: int) -> Rows:
        """Return a copy of an instrument's minutes, oldest first."""
        rows: Rows = self._rows[self._places_of(slot)]
        return rows[np.argsort(rows["time_ns"], kind="stable")]

    def _places_of(self, slot: int) -> Any:
        return np.flatnonzero(self._rows["instrument"][: self._used] == slot)

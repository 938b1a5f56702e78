"""The closed minute bars of the session, of all instruments, in memory: the newest take the place of the oldest.

Room for a day is made and touched when an instrument is watched: what a terminal needs that runs all day, it takes at the start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.records import BAR, Rows

KEPT_MINUTES = 200_000
"""Bars that are kept at most, all instruments together: 12.8 MB, a whole day of 500."""

A_DAY = 400
"""Minutes of one instrument's day, some of history included."""

FEW = 1_000
"""Room for less than this is never made."""

_NOBODY = -1


class BarTape:
    """Minutes in the order in which they closed; one of a time and an instrument is there once."""

    def __init__(self, most: int = KEPT_MINUTES) -> None:
        self._most = most
        self._rows = _room_for(0)
        self._next = self._used = 0

    def make_room(self, instruments: int) -> None:
        """Make room for a day of so many instruments, within what is kept at most."""
        wanted = min(self._most, max(FEW, A_DAY * instruments))
        if wanted <= len(self._rows):
            return
        kept = np.concatenate([self._rows[self._next : self._used], self._rows[: self._next]])
        # One by one they are watched: each time twice as much, so that not each of them moves what is there.
        self._rows = _room_for(min(self._most, max(wanted, 2 * len(self._rows))))
        self._rows[: len(kept)] = kept
        self._used = len(kept)
        self._next = self._used % len(self._rows)

    def add(self, minutes: Rows) -> None:
        """Take in minutes (BAR rows) that have just closed."""
        if len(self._rows) == 0:
            self.make_room(1)
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


def _room_for(count: int) -> Rows:
    rows: Rows = np.empty(count, dtype=BAR)
    rows["instrument"] = _NOBODY
    return rows

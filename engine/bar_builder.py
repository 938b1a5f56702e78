"""How ticks become minute bars and minute bars larger ones, for all instruments of a session at once.

Keeps the arrays that `core.frames` works on, one row a slot of the quote board. A bar that was not watched from its beginning is not
whole: it forms on the board and is never handed out as closed, unless `seed` filled in what was missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import frames, quotes
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.errors import InvalidOption
from engine.core.model import Instrument
from engine.core.records import BAR, Rows
from engine.view import QuoteBoard

Closed = list[tuple[int, Rows]]
"""Interval in seconds and the BAR rows that closed, shorter intervals first."""

_ORDER = ("last_price", "open", "high", "low", "close", "average_price", "bid", "ask", "bid_quantity", "ask_quantity")
_COLUMNS = ("time_ns", "version", *_ORDER, "last_quantity", "volume", "oi", "depth_price", "depth_quantity")
"""The board's columns in the order in which `quotes.take_frame` takes them."""


@dataclass(slots=True)
class _Windows:
    """The larger bars of one interval."""

    state: Rows
    forming: Rows


@dataclass(slots=True)
class Frame:
    """What one frame of ticks did; not frozen, for freezing costs most of making one."""

    changed: NDArray[np.int64]
    """Slots with a new quote."""
    closed: Rows
    """Minute bars that closed by it."""
    refused: int
    """How many of its ticks were put aside."""
    slots: NDArray[np.int64]
    """Slot of each tick, -1 = unknown; good until the next frame."""
    verdicts: NDArray[np.int8]
    """TAKEN or why not, per tick; good until the next frame."""


class BarBuilder:
    """The bars being made."""

    def __init__(self, board: QuoteBoard, open_of: Callable[[Instrument, int], int]) -> None:
        """`open_of(instrument, day)` returns when that day's session opens; days are counted from 1970 in India."""
        self._board = board
        self._open_of = open_of
        self._slots: dict[int, int] = {}
        self._is_indexed = False
        self._feed = np.zeros(0, dtype=frames.FEED)
        self._windows: dict[int, _Windows] = {}
        self._day = 0
        self._until_ns = 0
        self._make_buffers(16)

    def watch(self, slot: int, instrument: Instrument, from_ns: int, belief: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        """Take ticks of an instrument from this moment on; one that is watched already is left as it is.

        `belief`: jump, floor and band of FEED, as `belief_in` tells them; zeros believe all.
        """
        if self._slots.get(instrument.token) == slot:
            return
        self._make_room()
        self._slots[instrument.token] = slot
        feed = self._feed[slot : slot + 1]
        feed[:] = np.zeros(1, dtype=frames.FEED)
        feed["open_ns"], feed["from_ns"], feed["volume"] = self._open_of(instrument, self._day), from_ns, -1
        feed["jump"], feed["floor"], feed["band"] = belief
        self._is_indexed = False

    def forget(self, token: int) -> None:
        """Take no more ticks of it."""
        self._slots.pop(token, None)
        self._is_indexed = False

    def is_watched(self, token: int) -> bool:
        """Tell whether its ticks are taken."""
        return token in self._slots

    def want(self, slot: int, interval_s: int, from_ns: int) -> None:
        """Make bars of this interval, too; raises InvalidOption unless it is whole minutes."""
        if interval_s <= 0 or interval_s % 60:
            raise InvalidOption(f"Expected an interval in whole minutes, was {interval_s} s; give a multiple of 60.")
        if interval_s == 60:
            return
        self._windows.setdefault(interval_s, _Windows(np.zeros(0, dtype=frames.WINDOW), np.zeros(0, dtype=BAR)))
        self._windows = dict(sorted(self._windows.items()))
        self._make_room()
        window = self._windows[interval_s].state[slot]
        if not window.wanted:
            window.wanted, window.from_ns = 1, from_ns

    def seed(self, slot: int, minutes: Rows) -> None:
        """Fill in the minute bars of history that end where the ticks begin; the minute between them counts as whole, too."""
        rows = np.ascontiguousarray(minutes).copy()
        if len(rows) == 0:
            return
        rows["instrument"] = slot
        self._feed[slot].from_ns = min(self._feed[slot].from_ns, rows[-1].time_ns + MINUTE_NS)
        for interval_s, windows in self._windows.items():
            windows.state[slot].from_ns = min(windows.state[slot].from_ns, rows[0].time_ns)
            frames.fold(rows, interval_s, windows.state, windows.forming, np.empty(2 * len(rows), dtype=BAR))

    def interrupt(self, slot: int, until_ns: int) -> None:
        """Take the bars being made of an instrument for not whole: until this moment nothing was heard of it for a while."""
        self._feed[slot].from_ns = until_ns
        self._feed[slot].volume = -1  # what was traded meanwhile belongs to other minutes
        for windows in self._windows.values():
            windows.state[slot].from_ns = until_ns

    def mend(self, slot: int, minutes: Rows) -> Closed:
        """Make an instrument's larger bars anew of all minutes of the day so far; returns those that close by them."""
        made: Closed = []
        for interval_s, windows in self._windows.items():
            window = windows.state[slot]
            window.from_ns, window.folded_ns = min(window.from_ns, minutes[0].time_ns), 0
            windows.forming[slot].time_ns = 0
            out = np.empty(2 * len(minutes), dtype=BAR)
            made.append((interval_s, out[: frames.fold(minutes, interval_s, windows.state, windows.forming, out)]))
        return made

    def take(self, ticks: Rows, now_ns: int) -> Frame:
        """Put a frame of TICK rows on the board and into the minute bars."""
        flags = ticks.flags
        if not (flags.c_contiguous and flags.writeable):
            ticks = ticks.copy()
        if len(ticks) > len(self._verdicts):
            self._make_buffers(2 * len(ticks))
        if not self._is_indexed or self._columns[2] is not self._board.last_price:
            self._index()
        day = self._take(ticks, now_ns)
        if day != self._day:
            self._turn_to(day)
            self._take(ticks, now_ns)
        closed, changed, refused = self._counts.tolist()
        return Frame(
            self._changed[:changed].copy(),
            self._closed[:closed].copy() if closed else self._closed[:0],
            refused,
            self._found,
            self._verdicts,
        )

    def _take(self, ticks: Rows, now_ns: int) -> int:
        return quotes.take_frame(
            ticks,
            now_ns,
            self._until_ns,
            self._day,
            self._tokens,
            self._token_slots,
            self._feed,
            self._board.forming,
            self._closed,
            self._found,
            self._verdicts,
            self._counts,
            self._changed,
            *self._columns,
        )

    def is_due(self, time_ns: int) -> bool:
        """Tell whether a minute ended by then that has not been closed yet."""
        return time_ns >= self._until_ns + MINUTE_NS

    def close_minutes(self, time_ns: int) -> Rows:
        """Close the minutes that ended by then; returns those that are whole."""
        until_ns = self._until_ns = time_ns // MINUTE_NS * MINUTE_NS
        starts = self._board.forming["time_ns"][: len(self._board)]
        due = np.flatnonzero((starts > 0) & (starts <= until_ns - MINUTE_NS))
        rows: Rows = self._board.forming[due]
        self._board.forming["time_ns"][due] = 0
        return rows[rows["time_ns"] >= self._feed["from_ns"][due]]

    def close_larger(self, minutes: Rows, time_ns: int) -> Closed:
        """Take closed minutes into the larger bars; returns those that closed by them, or by the time."""
        made: Closed = []
        for interval_s, windows in self._windows.items():
            out = np.empty(2 * len(minutes), dtype=BAR)
            closed = out[: frames.fold(minutes, interval_s, windows.state, windows.forming, out)]
            starts = windows.forming["time_ns"][: len(self._board)]
            due = np.flatnonzero((starts > 0) & (starts <= time_ns - interval_s * SECOND_NS))
            if len(due):
                late = windows.forming[due]
                windows.forming["time_ns"][due] = 0
                closed = np.concatenate([closed, late[late["time_ns"] >= windows.state["from_ns"][due]]])
                # Decisions of one moment are made in the order of slots, whatever the last minute of each brought.
                closed = closed[np.lexsort((closed["instrument"], closed["time_ns"]))]
            if len(closed):
                made.append((interval_s, closed))
        return made

    def _turn_to(self, day: int) -> None:
        """Anchor the windows at the new day's opens; the night's gap is no jump."""
        self._day = day
        for name in ("last", "second", "third", "suspect"):
            self._feed[name] = 0.0
        for slot in self._slots.values():
            self._feed[slot].open_ns = self._open_of(self._board.instruments[slot], day)

    def _index(self) -> None:
        """Sort the tokens for looking up, and take hold of the board's columns: both change only when something is subscribed."""
        self._columns = [getattr(self._board, name) for name in _COLUMNS]
        self._is_indexed = True
        ordered = sorted(self._slots.items())
        self._tokens = np.array([token for token, _ in ordered], dtype=np.int64)
        self._token_slots = np.array([slot for _, slot in ordered], dtype=np.int64)

    def _make_room(self) -> None:
        """Grow with the board."""
        size = len(self._board.last_price)
        self._feed = _grown(self._feed, size)
        for windows in self._windows.values():
            windows.state, windows.forming = _grown(windows.state, size), _grown(windows.forming, size)

    def _make_buffers(self, count: int) -> None:
        self._closed = np.empty(count, dtype=BAR)
        self._found, self._changed = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        self._verdicts = np.empty(count, dtype=np.int8)
        self._counts = np.zeros(3, dtype=np.int64)


def _grown(rows: Rows, size: int) -> Rows:
    if len(rows) >= size:
        return rows
    fresh: NDArray[Any] = np.zeros(size, dtype=rows.dtype)
    fresh[: len(rows)] = rows
    return fresh

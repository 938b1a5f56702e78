"""The terminal's own pulse: while its loop stands still, prices and fills lie unread, so nothing new is opened until it keeps time again.

Only what a whole loop does wrong is seen here; a strategy's slowness is its own watch's affair.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import Clock, SystemClock

LAG = "lag"
"""Cause of a stop by a loop that stands still."""

BEAT_S = 0.25
LATE_S = 0.5
"""A beat that comes so much too late stops new risk."""

GOOD_BEATS = 4
"""So many beats in time, one after the other, and it goes on."""


class Heartbeat:
    """Looks several times a second whether the loop keeps time."""

    def __init__(self, reduce: Callable[[str, str], None], clear: Callable[[str], None], clock: Clock | None = None) -> None:
        """`reduce(reason, cause)` lets only exits pass, `clear(cause)` takes that back; `clock` measures, the wall's by default."""
        self._reduce, self._clear = reduce, clear
        self._clock = clock or SystemClock()
        self._good: int | None = None
        """Beats in time since the last late one; None while nothing is stopped."""

    async def beat(self) -> None:
        """Beat for ever."""
        while True:
            began = self._clock.monotonic_ns()
            await self._clock.sleep(BEAT_S)
            self.look((self._clock.monotonic_ns() - began) / 1e9 - BEAT_S)

    def look(self, late_s: float) -> None:
        """Judge one beat that came so many seconds too late."""
        if late_s > LATE_S:
            self._good = 0
            self._reduce(f"the terminal stood still for {late_s:.1f} s; it goes on by itself once it keeps time again", LAG)
        elif self._good is not None:
            self._good += 1
            if self._good >= GOOD_BEATS:
                self._good = None
                self._clear(LAG)

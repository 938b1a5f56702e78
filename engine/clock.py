"""The only place that knows what time it is: the wall's, or the market's own when it is replayed.

Everything else is handed a Clock, so that two minutes of waiting cost a test milliseconds.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import datetime
from itertools import count
from typing import Protocol
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
IST_OFFSET_NS = 19_800 * 1_000_000_000
"""India has no summer time: IST is UTC + 5:30, always."""


class Clock(Protocol):
    """Tells the time and waits by it."""

    def now_ns(self) -> int:
        """Return UTC nanoseconds since 1970 of the market's time."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never run backwards, for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long by this clock."""
        ...


class SystemClock:
    """The wall's clock."""

    def now_ns(self) -> int:
        """Return the wall's time."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return the machine's monotonic time."""
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is moved: the replayed market's, and every test's."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now_ns(self) -> int:
        """Return the time it was last set to."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Return the same time: it never runs backwards either."""
        return self._now_ns

    def set(self, time_ns: int) -> None:
        """Move forward to a time and wake whoever waited for it; a time in the past is ignored."""
        self._now_ns = max(self._now_ns, time_ns)
        while self._waiting and self._waiting[0][0] <= self._now_ns:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    def advance(self, seconds: float) -> None:
        """Move forward by that many seconds."""
        self.set(self._now_ns + round(seconds * 1e9))

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._now_ns + round(seconds * 1e9), next(self._order), future))
        await future


def ist(time_ns: int) -> datetime:
    """Return the time as India's wall clock shows it."""
    return datetime.fromtimestamp(time_ns / 1e9, IST)

"""The exchange's own time: real, faster than real, or standing still until it is stepped.

Everything that happens later is a timer here, so that a stepped exchange is deterministic: timers run in order of time, then of making.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30))
SECOND = 1_000_000_000


class Timer:
    """Something to be done later; `cancel` forgets it."""

    __slots__ = ("action", "is_cancelled", "time_ns")

    def __init__(self, time_ns: int, action: Callable[[], None]) -> None:
        self.time_ns = time_ns
        self.action = action
        self.is_cancelled = False

    def cancel(self) -> None:
        """Never do it."""
        self.is_cancelled = True


class Clock:
    """Exchange time in nanoseconds of UTC. `scale` 0 stands still; else it runs that many times as fast as the machine's clock."""

    def __init__(self, start_ns: int, scale: float) -> None:
        self.scale = scale
        self._base_ns = start_ns
        self._real_ns = time.monotonic_ns()
        self._stepping_ns: int | None = None
        self._timers: list[tuple[int, int, Timer]] = []
        self._made = 0

    @property
    def now_ns(self) -> int:
        """The time now; inside a timer, the time that timer was set for."""
        if self._stepping_ns is not None:
            return self._stepping_ns
        return self._free_ns()

    def _free_ns(self) -> int:
        return self._base_ns + int((time.monotonic_ns() - self._real_ns) * self.scale)

    def set_scale(self, scale: float) -> None:
        """Run faster or slower from now on."""
        self._base_ns, self._real_ns, self.scale = self._free_ns(), time.monotonic_ns(), scale

    def skip(self, nanoseconds: int) -> None:
        """Jump forward; timers that fall due run at the next `run_next`."""
        self._base_ns += nanoseconds

    def call_at(self, time_ns: int, action: Callable[[], None]) -> Timer:
        """Do something at a time; a time already past comes next."""
        timer = Timer(time_ns, action)
        self._made += 1
        heapq.heappush(self._timers, (time_ns, self._made, timer))
        return timer

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something after so many exchange seconds."""
        return self.call_at(self.now_ns + int(seconds * SECOND), action)

    def next_due_ns(self) -> int | None:
        """Return when the next timer falls due; None without one."""
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def run_next(self, until_ns: int) -> bool:
        """Run the next timer that is due by then, at its own time; False when none is."""
        due_ns = self.next_due_ns()
        if due_ns is None or due_ns > until_ns:
            return False
        timer = heapq.heappop(self._timers)[2]
        self._stepping_ns = due_ns
        try:
            timer.action()
        finally:
            self._stepping_ns = None
        return True

    # How Kite writes a time down.

    def ist(self) -> datetime:
        """Return the time now in India."""
        return datetime.fromtimestamp(self.now_ns / SECOND, IST)

    def stamp(self) -> str:
        """Return now as `YYYY-MM-DD HH:MM:SS`."""
        return self.ist().strftime("%Y-%m-%d %H:%M:%S")

    def http_date(self) -> str:
        """Return now as an HTTP `Date` header."""
        return datetime.fromtimestamp(self.now_ns // SECOND, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")

    def today(self) -> date:
        """Return the day in India."""
        return self.ist().date()


def read_start(text: str) -> int:
    """Read `YYYY-MM-DD HH:MM:SS` of India, or `real` for the machine's clock, as nanoseconds of UTC."""
    if text == "real":
        return time.time_ns()
    return ns_of(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=IST))


def ns_of(moment: datetime) -> int:
    """Return an aware time as nanoseconds of UTC, exactly."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000


def day_ns(day: date) -> int:
    """Return midnight in India as nanoseconds of UTC."""
    return ns_of(datetime(day.year, day.month, day.day, tzinfo=IST))

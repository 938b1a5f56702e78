"""How long to wait before the feed is dialled again: not at all the first time, then longer and longer, so that nobody storms the broker.

Pure: chance and time are handed in.
"""

from __future__ import annotations

from random import Random

FIRST_CEILING_S = 1.0
LAST_CEILING_S = 30.0
HEALTHY_S = 60.0
"""A connection that lived as long as this is forgiven all that went before."""


class Backoff:
    """The waits of one socket."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ceiling_s = 0.0

    def delay_s(self) -> float:
        """Return how long to wait before the next try: 0, then anything up to 1, 2, 4, ... 30 s, evenly by chance (full jitter)."""
        delay_s = self._random.uniform(0.0, self._ceiling_s)
        self._ceiling_s = min(max(2.0 * self._ceiling_s, FIRST_CEILING_S), LAST_CEILING_S)
        return delay_s

    def lived(self, seconds: float) -> None:
        """Take note of how long a connection lived; only a healthy one begins the count anew (a flapping server is spared)."""
        if seconds >= HEALTHY_S:
            self._ceiling_s = 0.0

"""How often an account may call: one window for each class of call, by exchange time."""

from __future__ import annotations

from collections import deque

from tests.kite_exchange.clock import SECOND, Clock
from tests.kite_exchange.errors import TOO_MANY, KiteError

WINDOWS = {  # class of call: (calls, seconds), all of which hold
    "quote": ((1, 1),),
    "history": ((3, 1),),
    "order": ((10, 1), (400, 60), (5000, 86_400)),
    "change": ((10, 1),),  # modify and cancel: counted with the placements of the second
    "other": ((10, 1),),
}
SHARED = {"change": "order"}
"""Classes that fill another's one-second window."""


class Limits:
    """Counts the calls, accepted or not."""

    def __init__(self, clock: Clock, are_on: bool) -> None:
        self._clock = clock
        self.are_on = are_on
        self._calls: dict[tuple[str, int], deque[int]] = {}
        self.refused = 0

    def check(self, kind: str, count: int = 1) -> None:
        """Count calls of a class.

        Raises:
            KiteError: 429, too many.
        """
        if not self.are_on or kind not in WINDOWS:
            return
        now = self._clock.now_ns
        windows = []
        for most, seconds in WINDOWS[kind]:
            calls = self._calls.setdefault((SHARED.get(kind, kind), seconds), deque())
            while calls and calls[0] <= now - seconds * SECOND:
                calls.popleft()
            if len(calls) + count > most:
                self.refused += 1
                raise KiteError("NetworkException", TOO_MANY, 429)
            windows.append(calls)
        for calls in windows:
            calls.extend([now] * count)

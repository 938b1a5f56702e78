"""Keeps a storm of messages from burying the one that matters: so many pass in a while, the rest is one message with a count."""

from __future__ import annotations


class Storm:
    """Lets the first few of a while through."""

    def __init__(self, most: int, per_s: float) -> None:
        self._most = most
        self._per_ns = round(per_s * 1e9)
        self._began_ns = 0
        self._seen = 0
        self._held_back = 0
        self._last = ""

    def admits(self, now_ns: int, text: str) -> bool:
        """Tell whether a message may pass; one that may not is counted."""
        if now_ns - self._began_ns >= self._per_ns and not self._held_back:
            self._began_ns, self._seen = now_ns, 0
        if self._seen < self._most:
            self._seen += 1
            return True
        self._held_back += 1
        self._last = text
        return False

    def summary(self, now_ns: int) -> tuple[int, str] | None:
        """Return how many were held back and the last of them, once their while is over; None when there is nothing to tell."""
        if not self._held_back or now_ns - self._began_ns < self._per_ns:
            return None
        told = self._held_back, self._last
        self._began_ns, self._seen, self._held_back, self._last = now_ns, 0, 0, ""
        return told

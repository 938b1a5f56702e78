"""Which strategies a person has let trade real money in this session, with which code, and since which day.

Arming ends with the day and with the process: it is never kept. Only the first day is, and code that is new begins with a first day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.restraint.owners import is_strategy


class Arming:
    """The strategies that are armed."""

    def __init__(self) -> None:
        self._armed: set[str] = set()
        self._first: dict[str, tuple[int, str]] = {}

    def arm(self, owner: str, fingerprint: str, day: int) -> None:
        """Let a strategy trade real money for the rest of this day; `fingerprint` is its code's, `day` is counted from 1970."""
        self._armed.add(owner)
        first = self._first.get(owner)
        if first is None or first[1] != fingerprint:
            self._first[owner] = day, fingerprint

    def disarm(self, owner: str) -> None:
        """Let it open nothing more with real money."""
        self._armed.discard(owner)

    def is_armed(self, owner: str) -> bool:
        """Tell whether an owner may trade real money; who is no strategy is armed by the log-in."""
        return owner in self._armed or not is_strategy(owner)

    def is_first_session(self, owner: str, day: int) -> bool:
        """Tell whether this is the day on which the strategy was first armed with its present code."""
        first = self._first.get(owner)
        return first is not None and first[0] >= day

    def roll_day(self) -> None:
        """Disarm all: each session is armed for itself."""
        self._armed.clear()

    def kept(self) -> dict[str, Any]:
        """Return the first days as JSON can hold them."""
        return {owner: list(first) for owner, first in self._first.items()}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Remember the first days."""
        self._first = {owner: (int(first[0]), str(first[1])) for owner, first in kept.items()}

"""In what nothing more may be opened until it is cleared up: an order of unknown fate, or a position that was not the broker's.

Kept by owner and instrument (owner "" = everybody), each with its causes; exits and cancels are no affair of this.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.model import Restraint, TradingState

ANYBODY = ""
"""Stands for all owners."""

DIFFERENCE = "reconcile"
"""Cause: the position was not the broker's."""


class Unclear:
    """What has to be cleared up."""

    def __init__(self) -> None:
        self._causes: dict[tuple[str, str], dict[str, str]] = {}

    def __bool__(self) -> bool:
        """Tell whether anything is unclear."""
        return bool(self._causes)

    def set(self, owner: str, key: str, cause: str, reason: str) -> None:
        """Let an owner open nothing more in an instrument for a cause, such as an order's id, and say why."""
        self._causes.setdefault((owner, key), {})[cause] = reason

    def clear(self, owner: str, key: str, cause: str) -> bool:
        """Take one cause back; tells whether there was one."""
        causes = self._causes.get((owner, key), {})
        found = causes.pop(cause, None) is not None
        if found and not causes:
            del self._causes[owner, key]
        return found

    def why(self, owner: str, key: str) -> str:
        """Say why an owner may open nothing in an instrument; empty when it may."""
        for holder in (owner, ANYBODY):
            for reason in self._causes.get((holder, key), {}).values():
                return reason
        return ""

    def restraints(self) -> Iterator[Restraint]:
        """Walk over what is unclear, as what holds somebody back in an instrument."""
        for (owner, key), causes in self._causes.items():
            for cause, reason in causes.items():
                control, ends = (cause, "once it is acknowledged") if cause == DIFFERENCE else ("unclear", "once the order was found")
                yield Restraint(owner, control, reason, TradingState.REDUCING, ends, key=key)

    def keys(self, cause: str) -> list[str]:
        """List the instruments in which something is unclear for a cause, in order."""
        return sorted({key for (_, key), causes in self._causes.items() if cause in causes})

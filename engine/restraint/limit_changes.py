"""Changes of limits: a tighter one holds at once, a looser one has to be confirmed and holds later.

Later is a quarter of an hour, or the next day if that comes first: nobody raises a limit in the heat of a losing trade. What waits
survives a restart, and a tighter limit in between takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import UserError
from engine.core.registry import RULES
from engine.risk_limits import ALWAYS

DELAY_NS = 15 * 60_000_000_000

LARGER_IS_TIGHTER = frozenset({"duplicate_order"})
"""Limits that say for how long something is forbidden; of all others the smaller one is the tighter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What becomes of a wish to change limits."""

    tighter: Mapping[str, tuple[float | None, float | None]]
    """Old and new by rule, None = not given; hold at once."""
    looser: Mapping[str, tuple[float | None, float | None]]
    """Hold later, once confirmed."""


def slack(name: str, limit: float | None) -> float:
    """Return how much a limit lets pass: a larger number is looser, whatever the rule's unit; None = not given."""
    if RULES.get(name).unit == "on":
        is_on = name in ALWAYS if limit is None else limit != 0.0
        return 0.0 if is_on else 1.0
    if name in LARGER_IS_TIGHTER:
        return -(limit or 0.0)
    return math.inf if limit is None else limit


def compare(wanted: Mapping[str, float], in_force: Mapping[str, float]) -> Asked:
    """Sort the differences between two sets of limits by which way they go."""
    tighter: dict[str, tuple[float | None, float | None]] = {}
    looser: dict[str, tuple[float | None, float | None]] = {}
    for name in dict.fromkeys((*in_force, *wanted)):
        old, new = in_force.get(name), wanted.get(name)
        if old != new:
            (looser if slack(name, new) > slack(name, old) else tighter)[name] = old, new
    return Asked(tighter, looser)


class LimitChanges:
    """Looser limits that wait for their time."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[float | None, int]] = {}
        """New limit by rule (None = taken away) and the time at which it holds."""

    @property
    def next_ns(self) -> int:
        """Return when the next one holds, 0 when none waits."""
        return min((due_ns for _, due_ns in self.waiting.values()), default=0)

    def ask(self, wanted: Mapping[str, float], in_force: Mapping[str, float], now_ns: int) -> tuple[Asked, dict[str, float]]:
        """Let looser limits wait; returns what was asked, and the limits that hold from now on.

        Whatever waited before and is not wanted any more is forgotten.
        """
        asked = compare(wanted, in_force)
        waiting = {}
        for name, (_, new) in asked.looser.items():
            before = self.waiting.get(name)
            # The same wish again does not begin its wait anew.
            waiting[name] = before if before is not None and before[0] == new else (new, now_ns + DELAY_NS)
        self.waiting = waiting
        return asked, _applied(in_force, {name: new for name, (_, new) in asked.tighter.items()})

    def due(self, in_force: Mapping[str, float], now_ns: int) -> dict[str, float] | None:
        """Return the limits that hold now that the wait of some is over, None when none was due."""
        due = {name: new for name, (new, due_ns) in self.waiting.items() if due_ns <= now_ns}
        for name in due:
            del self.waiting[name]
        return _applied(in_force, due) if due else None

    def kept(self) -> dict[str, Any]:
        """Return what waits as JSON can hold it."""
        return {name: [new, due_ns] for name, (new, due_ns) in self.waiting.items()}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Go on waiting after a restart."""
        self.waiting = {name: (None if new is None else float(new), int(due_ns)) for name, (new, due_ns) in kept.items()}


def unconfirmed(asked: Asked) -> UserError:
    """Make the error that asks for a confirmation."""
    raises = ", ".join(f"{name} from {_word(old)} to {_word(new)}" for name, (old, new) in asked.looser.items())
    return UserError(f"Expected a confirmation to loosen {raises}, was none; confirm it, and it holds in 15 minutes or with the next day.")


def _applied(in_force: Mapping[str, float], changes: Mapping[str, float | None]) -> dict[str, float]:
    return {name: limit for name, limit in {**in_force, **changes}.items() if limit is not None}


def _word(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:g}"

"""What a strategy's process says, looked at as a stranger's word: right shape, finite numbers, plain text, no more than was asked.

Whoever answers wrongly is stopped; a wish that makes no sense is a fault of the strategy and never becomes an order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.authored.classes import StrategyFault, Wish
from engine.core.records import INTENT

FIELDS = INTENT.names or ()

MOST_TEXT = 600
"""Characters of a fault that are shown."""

KEYS = {"ms", "said", "lost", "fault", "wish", "state", "states", "is_class", "name", "title", "parameters"}


class Answer(NamedTuple):
    """One answer, checked."""

    wish: Wish | None = None
    """The fields of an INTENT, NaN = none; None when nothing was wished for."""
    state: Mapping[str, Any] | None = None
    """The strategy's notes, where they have changed."""
    states: tuple[Mapping[str, Any] | None, ...] = ()
    """At its end: those of each symbol that have changed."""
    fault: str = ""
    took_ms: float = 0.0
    said: str = ""
    lost: int = 0
    """Characters that were printed beyond what is kept."""
    told: Mapping[str, Any] | None = None
    """What the file is, when that was asked."""


def read_answer(message: Mapping[str, Any]) -> Answer:
    """Check one message; raises StrategyFault for whatever a strategy's process does not say."""
    odd = next((key for key in message if key not in KEYS), None)
    if odd is not None:
        raise StrategyFault(f"Expected an answer of the strategy's process, was one with {odd[:40]!r}.")
    return Answer(
        wish=_wish(message.get("wish")),
        state=_state(message.get("state")),
        states=tuple(_state(each) for each in _list(message.get("states"))),
        fault=plain_text(message.get("fault", ""))[:MOST_TEXT],
        took_ms=_number("ms", message.get("ms", 0.0)),
        said=plain_text(message.get("said", "")),
        lost=int(_number("lost", message.get("lost", 0))),
        told=message if "parameters" in message else None,
    )


def plain_text(value: object) -> str:
    """Return text that can be shown and logged: no control characters but line ends."""
    if not isinstance(value, str):
        raise StrategyFault(f"Expected text from the strategy's process, was {type(value).__name__}.")
    return "".join(each if each.isprintable() or each == "\n" else " " for each in value)


def _wish(value: object) -> Wish | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != len(FIELDS):
        raise StrategyFault(f"Expected a wish of {len(FIELDS)} numbers ({', '.join(FIELDS)}), was {str(value)[:80]!r}.")
    return tuple(math.nan if each is None else _number(name, each) for name, each in zip(FIELDS, value, strict=True))


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise StrategyFault(f"Expected {name} to be a number, was {str(value)[:40]!r}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise StrategyFault(f"Expected {name} to be a finite number, was {number}.")
    return number


def _list(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise StrategyFault(f"Expected the notes of each symbol, was {type(value).__name__}.")
    return value


def _state(value: object) -> Mapping[str, Any] | None:
    """Check a strategy's notes; JSON has no other values than plain ones, but its numbers can be beyond all bounds."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise StrategyFault(f"Expected self.state to be a dict, was {type(value).__name__}.")
    waiting: list[object] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, (dict, list)):
            waiting += each.values() if isinstance(each, dict) else each
        elif isinstance(each, float) and not math.isfinite(each):
            raise StrategyFault("Expected finite numbers in self.state, was infinite.")
    return value

"""What can be set: each setting, limit and strategy parameter is one line with its default, range, unit and meaning.

Dicts from a user's script, a settings file or a form are parsed here, once, at the edge; an unknown name says what was meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import InvalidOption, did_you_mean

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be set; its kind is the kind of its default (bool, int, float, str or tuple of str)."""

    name: str
    default: Any
    explain: str = ""
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    choices: tuple[str, ...] = ()
    section: str = ""
    is_optional: bool = False
    """None is a value: not set."""
    is_required: bool = False

    def parse(self, value: object) -> Any:
        """Return the value in this option's kind; raises InvalidOption with what was expected."""
        if value is None and self.is_optional:
            return None
        parsers = {bool: self._parse_bool, int: self._parse_int, float: self._parse_float, tuple: self._parse_words}
        return parsers.get(type(self.default), self._parse_text)(value)

    @property
    def expected(self) -> str:
        """Say in words what may be given."""
        if self.choices:
            return f"{'any' if isinstance(self.default, tuple) else 'one'} of {', '.join(self.choices)}"
        kinds = {bool: "true or false", int: "a whole number", float: "a number", tuple: "a list of words"}
        text = kinds.get(type(self.default), "text")
        if not math.isinf(self.low) and not math.isinf(self.high):
            text += f" from {self.low:g} to {self.high:g}"
        elif not math.isinf(self.low):
            text += f" of {self.low:g} or more"
        elif not math.isinf(self.high):
            text += f" of {self.high:g} or less"
        return f"{text} ({self.unit})" if self.unit else text

    def _refuse(self, value: object) -> InvalidOption:
        return InvalidOption(f"Expected {self.name} to be {self.expected}, was {value!r}; change it and try again.")

    def _parse_bool(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise self._refuse(value)
        return word in TRUE_WORDS

    def _parse_int(self, value: object) -> int:
        number = self._parse_float(value)
        if number != int(number):
            raise self._refuse(value)
        return int(number)

    def _parse_float(self, value: object) -> float:
        if isinstance(value, bool):
            raise self._refuse(value)
        try:
            number = float(value)  # type: ignore[arg-type]  # that it may not be a number is the point
        except (TypeError, ValueError):
            raise self._refuse(value) from None
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise self._refuse(value)
        return number

    def _parse_words(self, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            words = [word.strip() for word in value.split(",")]
        elif isinstance(value, Iterable):
            words = [str(word).strip() for word in value]
        else:
            raise self._refuse(value)
        words = [word for word in words if word]
        unknown = next((word for word in words if self.choices and word not in self.choices), None)
        if unknown is not None:
            raise InvalidOption(f'Expected {self.name} to be {self.expected}, was "{unknown}"{did_you_mean(unknown, self.choices)}')
        return tuple(words)

    def _parse_text(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._refuse(value)
        text = value.strip()
        if self.choices and text not in self.choices:
            raise InvalidOption(f'Expected {self.name} to be {self.expected}, was "{text}"{did_you_mean(text, self.choices)}')
        return text


def parse(options: Iterable[Option], given: Mapping[str, object], what: str) -> dict[str, Any]:
    """Parse a dict against its options and fill in defaults; `what` names the dict in messages ("risk_config").

    Raises InvalidOption for an unknown name (with the nearest known one), a missing required one, a wrong kind or a value out of range.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            raise InvalidOption(f'Unknown "{name}" in {what}{did_you_mean(str(name), known)}')
    for name, option in known.items():
        if option.is_required and name not in given:
            raise InvalidOption(f"Expected {name} in {what} ({option.expected}), was not there; add it.")
    return {name: option.parse(given[name]) if name in given else option.default for name, option in known.items()}

"""What a table shows: each column is one entry, with how a record is written, coloured and ordered in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")

PLAIN = "text"
"""The tone of what is neither good nor bad."""


def by_sign(value: float) -> str:
    """Return the tone of a gain or a loss."""
    return "up" if value > 0 else "down" if value < 0 else "muted"


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column over records of one kind."""

    name: str
    title: str
    text: Callable[[R], str]
    width: int = 80
    is_number: bool = False
    """Figures stand at the right, words at the left."""
    tone: Callable[[R], str] | None = None
    """The theme's word for its colour."""
    order: Callable[[R], Any] | None = None
    """What rows are sorted by; by the text when there is none."""
    flash: Callable[[R], float] | None = None
    """A value whose rise and fall lights the cell up for a moment."""
    gauge: Callable[[R], float] | None = None
    """A place from 0 (left) to 1 (right) that is shown on a line in place of the text; the text is still what is copied and read out."""
    tip: str = ""
    is_hidden: bool = False
    """Not shown until it is chosen."""


class Line(Generic[R]):
    """One row: a record and how it is written, worked out again only when it changed and is looked at."""

    __slots__ = ("flashes", "gauges", "is_dirty", "is_faded", "key", "record", "texts", "tones", "values")

    def __init__(self, key: str, record: R) -> None:
        self.key = key
        self.record = record
        self.texts: list[str] = []
        self.tones: list[str] = []
        self.values: dict[int, float] = {}
        self.gauges: dict[int, float] = {}
        self.flashes: dict[int, tuple[int, str]] = {}
        """By column: until when (ms), and in which colour."""
        self.is_dirty = True
        self.is_faded = False

    def refresh(self, columns: Sequence[Column[R]], until_ms: int = 0) -> None:
        """Write the record anew; cells whose value moved flash until `until_ms` (0: none does).

        A column that fails leaves the row as it was, and is not asked again before the record changes.
        """
        self.is_dirty = False
        record = self.record
        self.texts = [column.text(record) for column in columns]
        self.tones = [column.tone(record) if column.tone else PLAIN for column in columns]
        for at, column in enumerate(columns):
            if column.flash is not None:
                self._compare(at, column.flash(record), until_ms)
            if column.gauge is not None:
                self.gauges[at] = column.gauge(record)

    def _compare(self, at: int, value: float, until_ms: int) -> None:
        before = self.values.get(at)
        self.values[at] = value
        if until_ms and before and value and value != before:
            self.flashes[at] = (until_ms, "up_flash" if value > before else "down_flash")

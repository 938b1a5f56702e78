"""What became of a file that was imported: how much was taken, what was refused and why, and what looks odd but was kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

KEPT_REASONS = 1_000
"""Refused rows that are named one by one; the rest are only counted."""

Progress: TypeAlias = Callable[[int, int, str], None]
"""Told how many of how many rows are done, and what is being done."""


class Rejected(NamedTuple):
    """A row that was refused."""

    line: int
    """Line of a text file (its header is line 1), row of a Parquet file (from 1)."""
    why: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """One kind of damage that was mended."""

    fault: str
    rule: str
    """The rule that was chosen for it."""
    rows: int
    lines: tuple[int, ...]
    """Where the first of them stand in the file."""

    @property
    def text(self) -> str:
        """Return it in one line."""
        places = ", ".join(map(str, self.lines[:5])) + (", ..." if len(self.lines) > 5 else "")
        return f"{self.rows:,} {self.fault}: {self.rule} (line {places})"


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole between two bars of a session."""

    key: str
    line: int
    """Where the bar before it stands in the file."""
    time_ns: int
    """When that bar starts."""
    missing: int
    """Bars."""


@dataclass(slots=True)
class ImportReport:
    """Counts of one file; hand an empty one to a reader and it is filled."""

    source: str = ""
    kind: str = "bars"
    """bars or ticks."""
    interval_s: int = 0
    """Of bars."""
    taken: int = 0
    by_key: dict[str, int] = field(default_factory=dict)
    """Rows taken, by instrument key."""
    rejected: list[Rejected] = field(default_factory=list)
    """The first of the refused rows."""
    rejected_rows: int = 0
    """All refused rows."""
    off_grid: int = 0
    """Kept rows with a price between two ticks."""
    outside_range: int = 0
    """Kept bars whose open or close lies outside high and low."""
    outside_session: int = 0
    """Kept rows of before the open or after the close."""
    duplicates: int = 0
    """Rows of a time that another row has too (of bars the last stays; of ticks those equal in all)."""
    unordered: int = 0
    """Kept rows that stood before an earlier one."""
    untraded: int = 0
    """Rows of contracts and series that did not trade or are not traded here; left out."""

    rules: str = ""
    """Rules of repair that were chosen; "" = the usual ones."""
    repairs: list[Repaired] = field(default_factory=list)
    """What was mended by them."""
    shifted_ns: int = 0
    """By how much all times were moved, for another time zone's."""
    gaps: int = 0
    """Holes within sessions; looked for only with rules of repair."""
    missing: int = 0
    """Bars that lack in them."""
    first_gaps: list[Gap] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """Return one line for each repair, and one for the holes that were kept."""
        lines = [repaired.text for repaired in self.repairs]
        if self.gaps and not any(repaired.rule == "fill" for repaired in self.repairs):
            first = self.first_gaps[0]
            lines.append(f"{self.missing:,} bars missing in {self.gaps:,} holes, kept (first after line {first.line}, {first.key})")
        return lines

    def reject(self, line: int, why: str) -> None:
        """Note a refused row."""
        self.rejected_rows += 1
        if len(self.rejected) < KEPT_REASONS:
            self.rejected.append(Rejected(line, why))

    @property
    def summary(self) -> str:
        """Return one line of figures; what is zero is left out."""
        parts = [f"{self.taken:,} {self.kind} of {len(self.by_key):,} instruments taken"]
        if self.rejected_rows:
            first = f" (line {self.rejected[0].line}: {self.rejected[0].why})"
            parts.append(f"{self.rejected_rows:,} refused{first}")
        for count, words in (
            (self.duplicates, "told twice"),
            (self.unordered, "put in order"),
            (self.off_grid, "off the tick grid"),
            (self.outside_range, "with open or close outside high and low"),
            (self.outside_session, "outside trading hours"),
            (self.untraded, "not traded"),
        ):
            if count:
                parts.append(f"{count:,} {words}")
        return f"{self.source}: {', '.join(parts)}"

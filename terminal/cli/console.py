"""What is seen in a console: one line for an error, a bar for long work, money as an Indian trader writes it.

Everything but the answer itself goes to stderr, so that the answer can be piped.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import IO

from engine.core.figures import in_lakhs
from engine.core.model import UNITS

WIDTH = 30
EVERY_S = 0.1


class Progress:
    """A bar on stderr; on anything but a terminal it stays silent."""

    def __init__(self, label: str, unit: str = "", stream: IO[str] | None = None) -> None:
        """`unit` names what is counted ("rows")."""
        self._label, self._unit = label, unit
        self._doing = label
        self._stream = stream or sys.stderr
        self._is_shown = self._stream.isatty()
        self._began = monotonic()
        self._drawn = 0.0
        self._length = 0

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is, at most ten times a second."""
        now = monotonic()
        if self._is_shown and (now - self._drawn >= EVERY_S or done >= total):
            self._drawn = now
            self._write(self.line(done, total, now - self._began))

    def at(self, done: int, total: int, what: str) -> None:
        """Show how far it is, and what is being done."""
        self._doing = f"{self._label}: {what}"
        self(done, total)

    def line(self, done: int, total: int, seconds: float) -> str:
        """Return the line for that much done after that many seconds; a total of 0 is not known."""
        if total <= 0:
            return f"{self._doing} {grouped(done)} {self._unit}".rstrip()
        part = min(1.0, done / total)
        bar = "#" * round(part * WIDTH)
        left = f", {seconds * (1 - part) / part:.0f} s left" if 0.0 < part < 1.0 and seconds > 1.0 else ""
        return f"{self._doing} [{bar:-<{WIDTH}}] {part:4.0%} {grouped(done)} of {grouped(total)} {self._unit}".rstrip() + left

    def end(self) -> None:
        """Take the bar away."""
        if self._is_shown and self._length:
            self._write("")
            self._stream.write("\r")
            self._stream.flush()

    def _write(self, text: str) -> None:
        self._stream.write(f"\r{text:<{self._length}}")
        self._stream.flush()
        self._length = len(text)


def grouped(number: int) -> str:
    """Write a whole number in lakhs and crores: 1234567 is 12,34,567."""
    return ("-" if number < 0 else "") + in_lakhs(abs(number))


def rupees(units: int) -> str:
    """Write money units as rupees with paise, grouped: 12,34,567.80."""
    paise = (abs(units) * 100 + UNITS // 2) // UNITS
    sign = "-" if units < 0 and paise else ""
    return f"{sign}{grouped(paise // 100)}.{paise % 100:02d}"


def fail(error: BaseException) -> int:
    """Print an error as one line and return the exit code of a bad input."""
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"shikra: {text}", file=sys.stderr)
    return 2

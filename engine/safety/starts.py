"""Notes how each run of the terminal ended: three that broke off within ten minutes mean that something breaks it, and it must not go on.

A start is written before anything is opened and crossed out when the terminal was closed properly; what is left broke off.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from engine.clock import Clock

NAME = "starts.json"
WITHIN_NS = 10 * 60_000_000_000
TOO_MANY = 3


class Starts:
    """The starts of one folder's terminal that have not ended well, newest last."""

    def __init__(self, folder: Path, wall: Clock) -> None:
        self._path = folder / NAME
        self._wall = wall
        self._has_begun = False

    def begin(self) -> str:
        """Note a start; returns why nothing new may be risked, empty when it may."""
        now_ns = self._wall.now_ns()
        # A clock that was set back makes an old start look like a future one: it says nothing of the last ten minutes.
        broken = [at for at in self._read() if 0 <= now_ns - at < WITHIN_NS]
        self._has_begun = True
        self._write([*broken, now_ns])
        if len(broken) < TOO_MANY:
            return ""
        return (
            f"the terminal broke off {len(broken)} times within ten minutes. Look at the log and at what a strategy does at its start, "
            "then resume"
        )

    def end(self) -> None:
        """Cross all starts out: the terminal was closed properly, so it goes in no circle."""
        is_mine, self._has_begun = self._has_begun, False
        if is_mine:
            self._write([])

    def _read(self) -> list[int]:
        with suppress(OSError, ValueError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(found, list):
                return [at for at in found if type(at) is int]
        return []

    def _write(self, starts: list[int]) -> None:
        # A file that cannot be written only means that a circle of starts is not noticed.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.write_text(json.dumps(starts), encoding="utf-8")
            self._path.chmod(0o600)

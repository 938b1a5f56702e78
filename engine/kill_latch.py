"""The kill switch as a file: whoever writes it stops all sending, and it stays stopped over a restart until a person takes it back.

Looking costs microseconds, so every order looks; writing is synced to the disk and is done off the loop. Whoever asked from another
process is answered in a file beside it: the first to make that file is the one who acts, so that nothing is closed twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILL = "kill"
"""Cause of a stop by the kill switch."""

_FLATTEN, _NUMBER = "flatten: ", "number: "


@dataclass(frozen=True, slots=True)
class Latched:
    """What was asked of the kill switch."""

    reason: str = ""
    flatten: bool = False
    """Positions are to be closed, too."""
    number: str = ""
    """Of the process that waits for an answer; empty when none does."""


class KillLatch:
    """A latch at a path; without a path it holds nothing beyond this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def is_kept(self) -> bool:
        """Tell whether it is a file, which other processes can write."""
        return self._path is not None

    @property
    def is_set(self) -> bool:
        """Tell whether somebody has latched it, here or in another process."""
        return self._path is not None and self._path.exists()

    @property
    def reason(self) -> str:
        """Return what was written as the reason, empty when it is not set or cannot be read."""
        latched = self.read()
        return latched.reason if latched is not None else ""

    def read(self) -> Latched | None:
        """Return what was asked, None when it is not set; what cannot be read is latched all the same."""
        if self._path is None:
            return None
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return Latched()
        facts = lines[1:]
        number = next((line.removeprefix(_NUMBER) for line in facts if line.startswith(_NUMBER)), "")
        return Latched(lines[0].strip() if lines else "", f"{_FLATTEN}yes" in facts, number)

    def set(self, reason: str, *, flatten: bool = False, number: str = "") -> None:
        """Latch it and wait until that is on the disk; raises OSError when it cannot be written."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = [" ".join(reason.split()), *([f"{_FLATTEN}yes"] if flatten else []), *([f"{_NUMBER}{number}"] if number else [])]
        _write(self._path, "\n".join(lines) + "\n")

    def clear(self) -> None:
        """Take it back, and with it what was answered."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            for answer in self._path.parent.glob(f"{self._path.stem}-*.json"):
                answer.unlink(missing_ok=True)

    def claim(self, number: str) -> bool:
        """Be the one who acts on what was asked; False when somebody else is already, or nobody can be told."""
        if self._path is None or not number:
            return False
        try:
            os.close(os.open(self._answer_path(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return False
        return True

    def answer(self, number: str, told: Mapping[str, object]) -> None:
        """Tell the process that waits how it stands; raises OSError when that cannot be written."""
        if self._path is not None:
            _write(self._answer_path(number), json.dumps(told))

    def heard(self, number: str) -> dict[str, Any] | None:
        """Return the last answer: None when nobody has claimed it, empty when nobody has said anything yet."""
        try:
            told = json.loads(self._answer_path(number).read_text(encoding="utf-8") or "{}")
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _answer_path(self, number: str) -> Path:
        assert self._path is not None
        return self._path.with_name(f"{self._path.stem}-{number}.json")


def _write(path: Path, text: str) -> None:
    """Replace a file by one that is whole and on the disk."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name, too, must outlive a power cut
        finally:
            os.close(folder)

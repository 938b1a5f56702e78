"""The kill switch as a file: whoever writes it stops all sending, and it stays stopped over a restart until a person takes it back.

Looking costs microseconds, so every order looks; writing is synced to the disk and is done off the loop.
"""

from __future__ import annotations

import os
from pathlib import Path


class KillLatch:
    """A latch at a path; without a path it holds nothing beyond this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def is_set(self) -> bool:
        """Tell whether somebody has latched it, here or in another process."""
        return self._path is not None and self._path.exists()

    @property
    def reason(self) -> str:
        """Return what was written as the reason, empty when it is not set or cannot be read."""
        if self._path is None:
            return ""
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def set(self, reason: str) -> None:
        """Latch it and wait until that is on the disk; raises OSError when it cannot be written."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("w", encoding="utf-8") as file:
            file.write(reason + "\n")
            file.flush()
            os.fsync(file.fileno())

    def clear(self) -> None:
        """Take it back."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

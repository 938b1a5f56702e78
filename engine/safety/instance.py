"""One terminal a folder: a second one would send the same strategy's orders again.

The lock is the operating system's, so it ends with the process whatever ends that; the file only says who holds it.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from engine.core.errors import UserError

NAME = "terminal.lock"
BYTE = 1 << 20
"""The byte that is locked on Windows, where nobody else could read a locked one: beyond what is written."""


class InstanceLock:
    """The right to trade out of one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether it is held here."""
        return self._file is not None

    def take(self) -> None:
        """Take it until `release` or the end of the process; raises UserError when another terminal has it."""
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(file)
        except OSError:
            os.close(file)
            raise UserError(self._refusal()) from None
        os.ftruncate(file, 0)
        os.write(file, json.dumps({"pid": os.getpid()}).encode())
        self._file = file

    def release(self) -> None:
        """Let go of it; the file stays, for another may be waiting at it."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.ftruncate(file, 0)
            os.close(file)

    def _refusal(self) -> str:
        folder = self._path.parent
        holder = "another process"
        with suppress(OSError, ValueError, KeyError, TypeError):
            holder = f"process {json.loads(self._path.read_text(encoding='utf-8'))['pid']}"
        return (
            f"Expected to be the only terminal on {folder}, was the second: {holder} trades there. Close that one, or give this one a "
            "folder of its own by --data-dir; `shikra kill` stops it from outside."
        )


def is_taken(folder: Path) -> bool:
    """Tell whether a terminal trades out of a folder now."""
    if not (folder / NAME).exists():
        return False
    lock = InstanceLock(folder)
    try:
        lock.take()
    except UserError:
        return True
    lock.release()
    return False


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

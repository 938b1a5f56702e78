"""Looks whether the disk has room for the journal: short of it the trader is told, with hardly any left nothing new is opened.

An order must be in the journal before it leaves, so a full disk would stop exits, too: opening ends while there is still room for them.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from engine.clock import Clock, SystemClock

log = logging.getLogger(__name__)

DISK = "disk"
"""Cause of a stop by a disk that is nearly full."""

MB = 1_000_000
LITTLE_MB, LEAST_MB = 500, 200
"""Less than the first is told, less than the second stops new risk."""

LOOK_S = 30.0


class FreeSpace:
    """Looks now and then how much the disk of one folder can take."""

    def __init__(
        self,
        folder: Path,
        reduce: Callable[[str, str], None],
        clear: Callable[[str], None],
        tell: Callable[[str, str], None],
        *,
        clock: Clock | None = None,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """`reduce(reason, cause)` lets only exits pass, `clear(cause)` takes that back; `tell` takes urgency and text.

        `free(folder)` returns the free bytes, asked in a worker thread, for a folder may lie on a disk that is slow to answer.
        """
        self._folder, self._free = folder, free
        self._reduce, self._clear, self._tell = reduce, clear, tell
        self._clock = clock or SystemClock()
        self._is_told = self._has_stopped = False

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            try:
                free = await asyncio.to_thread(self._free, self._folder)
            except OSError as error:
                log.warning("free space in %s is unknown: %s", self._folder, error)
            else:
                self.look(free)
            await self._clock.sleep(LOOK_S)

    def look(self, free: int) -> None:
        """Judge so many free bytes."""
        if free < LEAST_MB * MB:
            if not self._has_stopped:
                self._has_stopped = True
                self._reduce(f"{self._shortage(free)}; nothing new is opened until {LEAST_MB} MB are free", DISK)
        elif self._has_stopped:
            self._has_stopped = False
            self._clear(DISK)
        if free >= LITTLE_MB * MB:
            self._is_told = False
        elif not self._is_told and not self._has_stopped:
            self._is_told = True
            self._tell("warning", f"{self._shortage(free)}; below {LEAST_MB} MB nothing new is opened.")

    def _shortage(self, free: int) -> str:
        return f"Only {free / MB:,.0f} MB are free on the disk of {self._folder}: remove what is not needed there"

"""Opens and closes what a terminal keeps: nobody else may trade out of the folder, a bad start is told, and a copy is made at either end.

`open` and `close` are for a worker thread: they read and copy files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from engine.clock import Clock, ist
from engine.safety.backups import Backups
from engine.safety.instance import InstanceLock
from engine.safety.opening import open_store
from engine.safety.starts import Starts
from engine.store import Store
from engine.store.database import to_url
from engine.store.rows import StoreFailed

log = logging.getLogger(__name__)

SAFE_MODE = "safe mode"
"""Cause of a stop that a bad start brings about: nothing new is risked until a person has looked."""


class Safekeeping:
    """What one terminal keeps, in one folder."""

    def __init__(self, folder: Path, location: str | Path, wall: Clock) -> None:
        self.why = ""
        """Why nothing new may be risked; empty when it may. Known after `open`."""
        self._store: Store | None = None
        self._location = location
        self._wall = wall
        self._lock = InstanceLock(folder)
        self._starts = Starts(folder, wall)
        url = to_url(location)
        self._backups = Backups(Path(url.database), wall) if url.get_backend_name() == "sqlite" and url.database else None

    def open(self) -> Store:
        """Open the database, in safe mode if need be; raises UserError when another terminal trades here, StoreFailed as `open_store`."""
        self._lock.take()
        in_a_circle = self._starts.begin()
        opened = open_store(self._location, self._wall)
        self.why = "; ".join(reason for reason in (opened.why, in_a_circle) if reason)
        self._store = opened.store
        return opened.store

    def tell(self, halt: Callable[[str, str], None], notify: Callable[[str, str], None]) -> None:
        """Enter safe mode where there is a reason: `halt` takes it and its cause, `notify` how urgent it is and what the trader reads."""
        if self.why:
            halt(self.why, SAFE_MODE)
            notify("critical", f"Safe mode, only cancels and your own exits pass: {self.why}.")

    def copy_once_a_day(self) -> None:
        """Copy the database unless that was done today; what fails is told in the log, for nothing is lost by it."""
        if self._backups is None:
            return
        copies = self._backups.list_all()
        if not copies or copies[-1].day != ist(self._wall.now_ns()).date():
            self._copy()

    def close(self) -> None:
        """Write what is queued, copy the closed database, cross the start out and let the next terminal in.

        Raises StoreFailed when something could not be written: then this start stays one that broke off.
        """
        store, self._store = self._store, None
        try:
            if store is not None:
                store.close()
            if self._lock.is_held:
                self._copy()
                self._starts.end()
        finally:
            self._lock.release()

    def _copy(self) -> None:
        if self._backups is None:
            return
        try:
            self._backups.make()
        except StoreFailed as failure:
            log.warning("no backup: %s", failure)

"""Opens and closes what a terminal keeps: nobody else may trade out of it, a bad start is told, and a copy is made at either end.

A backup that the trader has chosen takes the database's place when that is closed, before anybody else may open it. All but `tell` and
`watch` is for a worker thread: files are read and copied.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from engine.clock import Clock, ist
from engine.core.errors import UserError
from engine.core.model import SAFE_MODE, BackupInfo
from engine.safety.backups import Backups
from engine.safety.contents import look_into
from engine.safety.instance import InstanceLock
from engine.safety.lease_watch import LeaseWatch
from engine.safety.opening import open_store
from engine.safety.starts import Starts
from engine.store import Store
from engine.store.database import to_url
from engine.store.lease import Lease
from engine.store.rows import StoreFailed
from engine.tasks import Tasks

log = logging.getLogger(__name__)


class Safekeeping:
    """What one terminal keeps, in one folder."""

    def __init__(self, folder: Path, location: str | Path, wall: Clock, why: str = "") -> None:
        """`why` nothing new may be risked, whatever is found; empty leaves it to what is found."""
        self.why = why
        """Why nothing new may be risked; empty when it may. Known after `open`."""
        self.restored = ""
        """What became of the backup that was to be put back, known after `close`; empty when none was."""
        self._chosen: Path | None = None
        self._store: Store | None = None
        self._lease: Lease | None = None
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
        self.why = "; ".join(reason for reason in (self.why, opened.why, in_a_circle) if reason)
        self._store = opened.store
        return opened.store

    def claim(self, account: str) -> None:
        """Become the only terminal of an account in a server's database; a database in a file is nobody else's anyway.

        Raises UserError when another terminal trades for it, StoreFailed when the server cannot be asked.
        """
        url = to_url(self._location)
        if url.get_backend_name() == "postgresql":
            self._lease = Lease(url, account)
            self._lease.take()

    def watch(self, tasks: Tasks, run_id: str, halt: Callable[[str, str], None], clear: Callable[[str], None]) -> None:
        """See as long as `tasks` live that what was claimed stays ours: `halt` and `clear` are the risk manager's."""
        if self._lease is not None:
            tasks.spawn(LeaseWatch(self._lease, run_id, halt, clear, self._wall).watch(), "lease", service=True)

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

    def list_backups(self) -> list[BackupInfo]:
        """Return the copies with what is in each, the newest first; raises UserError where the database is on a server."""
        return [look_into(copy) for copy in reversed(self._files().list_all())]

    def put_back(self, file: str) -> None:
        """Look a copy through, and put it in the database's place when that is closed; raises StoreFailed when it is damaged."""
        self._files().verify(Path(file))
        self._chosen = Path(file)

    def close(self) -> None:
        """Write what is queued, copy the closed database or put a chosen backup in its place, cross the start out, let the next one in.

        Raises StoreFailed when something could not be written: then this start stays one that broke off.
        """
        store, self._store = self._store, None
        try:
            if store is not None:
                store.close()
            if self._lock.is_held:
                if self._chosen is None:
                    self._copy()
                else:
                    # No copy of what is put aside untouched: that would also let go of old copies, the chosen one perhaps.
                    self._restore(self._chosen)
                self._starts.end()
        finally:
            # After all was written: whoever comes next reads it.
            if self._lease is not None:
                self._lease.release()
            self._lock.release()

    def _files(self) -> Backups:
        if self._backups is None:
            raise UserError("Expected a database in a file, was one on a server; restore that with the server's own tools.")
        return self._backups

    def _restore(self, chosen: Path) -> None:
        self._chosen = None
        try:
            aside = self._files().restore(chosen)
            was = "there was no database before" if aside is None else f"what was there lies untouched in {aside}"
            self.restored = f"the backup {chosen.name} is the database now, and {was}"
        except StoreFailed as failure:
            self.restored = f"the backup {chosen.name} was not put back ({str(failure).rstrip('.')})"
            log.critical("%s", self.restored)
        self.restored += ": compare orders and positions with the broker's, then resume"

    def _copy(self) -> None:
        if self._backups is None:
            return
        try:
            self._backups.make()
        except StoreFailed as failure:
            log.warning("no backup: %s", failure)

"""Opens the database so that a damaged one costs nobody a trade: it is put aside untouched, and the terminal goes on in safe mode.

What takes its place is the newest backup that is whole, or an empty database; the books come from the broker either way.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.clock import Clock
from engine.safety.backups import Backups, Damaged, check_pages, is_damage, put_aside
from engine.store import Store
from engine.store.database import HEAD, to_url
from engine.store.rows import StoreFailed

log = logging.getLogger(__name__)

LOOKED_THROUGH_BYTES = 64 * 1024 * 1024
"""A larger file is looked through only after a run that broke off: it would hold the start up."""

TAIL = 1_000
"""So many of the journal's last lines are checked at every start; `journal verify` checks all."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database, and why nothing new may be risked on it (empty when it may)."""

    store: Store
    why: str = ""


def open_store(location: str | Path, wall: Clock) -> Opened:
    """Open the database at a path or URL, whatever its state; for a worker thread.

    Raises StoreFailed when it is in the way, locked or of a newer Shikra, and when a server's journal is broken: that is its keeper's.
    """
    url = to_url(location)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return Opened(_looked_through(Store.open(location)))
    backups = Backups(Path(url.database), wall)
    try:
        _look(backups)
        if _version(backups.database) not in (None, HEAD):
            backups.make()  # before it is upgraded
        return Opened(_looked_through(_open(location)))
    except Damaged as damage:
        return _start_over(location, backups, wall, str(damage))


def _look(backups: Backups) -> None:
    """Look through the file before anything is written to it."""
    file = backups.database
    if not file.exists():
        return
    size = file.stat().st_size
    if size == 0 and backups.list_all():
        raise Damaged(f"Expected the database in {file}, was an empty file.")
    if 0 < size <= LOOKED_THROUGH_BYTES:
        check_pages(file)


def _open(location: str | Path) -> Store:
    try:
        return Store.open(location)
    except StoreFailed as failure:
        if is_damage(failure.__cause__):
            raise Damaged(str(failure)) from failure
        raise


def _looked_through(store: Store) -> Store:
    """Check the end of the journal's chain; a store whose chain is broken is closed again."""
    try:
        store.verify_journal(TAIL)
    except StoreFailed as failure:
        store.close()
        if failure.__cause__ is None or is_damage(failure.__cause__):
            raise Damaged(str(failure)) from failure
        raise
    return store


def _start_over(location: str | Path, backups: Backups, wall: Clock, failure: str) -> Opened:
    backup = backups.newest_good()
    aside = backups.restore(backup.path) if backup is not None else put_aside(backups.database, wall)
    instead = f"the backup of {backup.made:%d %b %H:%M} takes its place" if backup is not None else "an empty one takes its place"
    why = f"the database was damaged ({failure.rstrip('.')}). It lies untouched in {aside}, and {instead}: compare orders and positions"
    log.critical("safe mode: %s", why)
    return Opened(Store.open(location), f"{why} with the broker's, then resume")


def _version(file: Path) -> str | None:
    """Return which migration a file is at, None when that cannot be read."""
    if not file.exists() or file.stat().st_size == 0:
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as line:
        found = line.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if found is None else str(found[0])
    return None

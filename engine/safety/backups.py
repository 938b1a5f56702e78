"""Copies of the database to go back to: the last three, one a day for a week, one a week for a month; only a whole one is put back.

A copy is made by SQLite itself while the terminal goes on; it is whole or not there. A PostgreSQL server has backups of its own.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from threading import get_ident

from engine import failpoints
from engine.clock import Clock, ist
from engine.store import Store
from engine.store.rows import StoreFailed

FOLDER = "backups"
LAST, DAYS, WEEKS = 3, 7, 4
_STAMP = "%Y%m%d-%H%M%S"


class Damaged(StoreFailed):
    """A database whose pages or journal are not as they were written; one that is only locked or not readable is not damaged."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy."""

    path: Path
    made: datetime
    """In India, without an offset."""
    size: int

    @property
    def day(self) -> date:
        """Return the day it was made on."""
        return self.made.date()


class Backups:
    """The copies of one database file."""

    def __init__(self, database: Path, wall: Clock, folder: Path | None = None) -> None:
        """`folder` None: `backups` beside the file."""
        self.database = database
        self._folder = folder or database.parent / FOLDER
        self._wall = wall

    def list_all(self) -> list[Backup]:
        """Return the copies, oldest first."""
        found = []
        for path in self._folder.glob(f"{self.database.stem}-*.db"):
            with suppress(ValueError, OSError):
                made = datetime.strptime(path.stem.removeprefix(f"{self.database.stem}-"), _STAMP)  # noqa: DTZ007  # India's wall clock
                found.append(Backup(path, made, path.stat().st_size))
        return sorted(found, key=lambda backup: backup.made)

    def make(self) -> Backup | None:
        """Copy the database and let go of copies that are too old; None when there is nothing to copy. Raises StoreFailed."""
        if not self.database.exists() or self.database.stat().st_size == 0:
            return None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = ist(self._wall.now_ns()).replace(tzinfo=None, microsecond=0)
        path = self._folder / f"{self.database.stem}-{made.strftime(_STAMP)}.db"
        fresh = path.with_suffix(f".{get_ident()}.part")
        try:
            _copy(self.database, fresh)
            if failpoints.reached is not None:
                failpoints.reached("mid-backup")
            os.replace(fresh, path)
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                fresh.unlink()
            raise StoreFailed(f"Expected to copy the database to {path}, but: {error}; make room, or look at the disk.") from error
        self._let_go()
        return Backup(path, made, path.stat().st_size)

    def verify(self, path: Path) -> int:
        """Look through a copy, pages and journal; returns how many lines the journal has. Raises StoreFailed when it is damaged."""
        if not path.exists():
            raise StoreFailed(f"Expected a backup at {path}, was none; `backup list` shows what there is.")
        check_pages(path)
        # Opened as a copy of the copy: to open a database may upgrade it, and a backup stays as it was made.
        trial = path.with_suffix(".trial")
        try:
            _copy(path, trial)
            store = Store.open(trial)
            try:
                return store.verify_journal()
            finally:
                store.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreFailed(f"Expected to read the backup {path}, but: {error}; try an older one.") from error
        finally:
            for left in (trial, *(trial.with_name(trial.name + end) for end in ("-wal", "-shm"))):
                with suppress(OSError):
                    left.unlink()

    def newest_good(self) -> Backup | None:
        """Return the newest copy that is whole, None when there is none."""
        for backup in reversed(self.list_all()):
            with suppress(StoreFailed):
                self.verify(backup.path)
                return backup
        return None

    def restore(self, path: Path) -> Path | None:
        """Put a copy in the database's place once it was looked through; returns where the old one was put aside, None if there was none.

        Nobody may have the database open. Raises StoreFailed when the copy is damaged: then nothing has changed.
        """
        self.verify(path)
        fresh = self.database.with_name(self.database.name + ".restored")
        try:
            _copy(path, fresh)
            aside = put_aside(self.database, self._wall)
            os.replace(fresh, self.database)
        except (OSError, sqlite3.Error) as error:
            raise StoreFailed(f"Expected to put {path} in the place of {self.database}, but: {error}; look at the disk.") from error
        return aside

    def _let_go(self) -> None:
        backups = self.list_all()
        kept = {backup.path for backup in to_keep(backups)}
        for backup in backups:
            if backup.path not in kept:
                with suppress(OSError):
                    backup.path.unlink()


def to_keep(backups: Sequence[Backup]) -> Iterable[Backup]:
    """Choose the last three copies, the newest of each of the last seven days that have one, and of each of the last four weeks."""
    by_day = {backup.day: backup for backup in backups}
    by_week = {backup.day.isocalendar()[:2]: backup for backup in backups}
    return [*backups[-LAST:], *[by_day[day] for day in sorted(by_day)[-DAYS:]], *[by_week[week] for week in sorted(by_week)[-WEEKS:]]]


def check_pages(path: Path) -> None:
    """Let SQLite look at every page; raises Damaged when one is, StoreFailed when they cannot be looked at."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as line:
            said = line.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if not is_damage(error):
            raise StoreFailed(f"Expected to read the database {path}, but: {error}; close what holds it.") from error
        said = str(error)
    if said != "ok":
        raise Damaged(f"Expected a whole database in {path}, was a damaged one ({said}); try an older one.")


def is_damage(error: BaseException | None) -> bool:
    """Tell whether SQLite, or SQLAlchemy for it, found what is no database or a broken one."""
    told = getattr(error, "orig", error)
    return getattr(told, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def put_aside(database: Path, wall: Clock) -> Path | None:
    """Move a database with its log out of the way, untouched; returns where it lies, None when there is none."""
    if not database.exists():
        return None
    stamp = ist(wall.now_ns()).strftime(_STAMP)
    folder = database.parent / "set-aside" / stamp
    number = 1
    while folder.exists():
        number += 1
        folder = folder.with_name(f"{stamp}-{number}")
    folder.mkdir(parents=True, mode=0o700)
    for part in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        if part.exists():
            shutil.move(part, folder / part.name)
    return folder / database.name


def _copy(source: Path, target: Path) -> None:
    """Copy a database as it is now, its log folded in, readable by its owner alone."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb") as file:
        os.fsync(file.fileno())

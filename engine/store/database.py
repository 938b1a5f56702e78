"""Where the database lies and how it is opened: a private SQLite file, or a PostgreSQL server by its URL.

SQLite runs in WAL mode and syncs at every commit (synchronous FULL); the file is readable by its owner alone.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from engine.core.errors import InvalidOption
from engine.store.rows import StoreFailed

HEAD = "0003"
"""The newest migration; a test says when this is behind."""

BUSY_TIMEOUT_MS = 5_000

UPGRADE_LOCK = 5_348_723_001
"""PostgreSQL's advisory lock under which the schema is upgraded."""


def _to_int(value: Any) -> int:
    return int(value)


for _type in (np.int64, np.int32, np.int8, np.bool_):
    # A quantity that came out of an array is as good a number as any.
    sqlite3.register_adapter(_type, _to_int)


def to_url(location: str | Path) -> URL:
    """Return the database URL of a file's path or of a URL; raises InvalidOption when it is neither."""
    if isinstance(location, Path) or "://" not in location:
        return URL.create("sqlite", database=str(Path(location).expanduser().absolute()))
    try:
        url = make_url(location)
    except ArgumentError:
        raise InvalidOption("Expected a path or a URL like postgresql://user@host/name for the database, was neither.") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidOption(f"Expected an SQLite or a PostgreSQL database, was {url.get_backend_name()}.")
    if url.get_backend_name() == "sqlite" and not url.database:
        raise InvalidOption("Expected an SQLite database in a file, was one in memory; give a path.")
    return url


def make_private(file: Path) -> None:
    """Make the file if it is not there, for its owner's eyes only, and so each folder that has to be made for it."""
    missing = [folder for folder in (file.parent, *file.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not file.exists():
        # Only a new file may be opened here: closing a live one would drop the locks that this process holds on it.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    file.chmod(0o600)


def connect(url: URL, *, read_only: bool = False) -> Engine:
    """Return an engine whose connections are set up for us; raises InvalidOption when the server's driver is not installed."""
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, poolclass=NullPool, paramstyle="format", hide_parameters=True)
        options = {"check_same_thread": False, "isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000}
        engine = create_engine(url, poolclass=NullPool, connect_args=options, hide_parameters=True)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InvalidOption(f"Expected the driver of {url.drivername}, but: {error}; install shikra[postgres].") from None

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        # The writer folds the log into the file when nobody waits; this is for a writer that never comes to rest.
        connection.execute("PRAGMA wal_autocheckpoint=10000")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: a writer that starts as a reader may find that it cannot become one.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def open_engine(location: str | Path) -> Engine:
    """Open the database for writing, made or brought up to date as needed; raises StoreFailed when it is damaged or newer than us."""
    url = to_url(location)
    file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    try:
        # A write-ahead log that is still there tells of a run that did not end by itself.
        was_killed = file is not None and _size(file.with_name(file.name + "-wal")) > 0
        if file is not None:
            make_private(file)
        engine = connect(url)
        with engine.begin() as connection:
            if was_killed:
                _check(connection)
            upgrade(connection)
    except (SQLAlchemyError, OSError) as error:
        shown = file or url.render_as_string(hide_password=True)
        raise StoreFailed(f"Expected to open the database {shown}, but: {reason_of(error)}; mend it or move it aside.") from error
    return engine


def upgrade(connection: Connection) -> None:
    """Bring the tables up to the newest migration; raises StoreFailed when a newer Shikra made them."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
    found = version_of(connection)
    if found == HEAD:
        return
    # Alembic takes a fifth of a second to import: only a new or an old database pays for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreFailed(f"Expected a database of version {HEAD} or older, was {found}: a newer Shikra made it; update this one.")
    command.upgrade(config, HEAD)


def version_of(connection: Connection) -> str | None:
    """Return which migration the tables are at, None when there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def reason_of(error: BaseException) -> str:
    """Return what the database said, on one line and without our statement and its values."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _check(connection: Connection) -> None:
    said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if said != "ok":
        raise DatabaseError(None, None, sqlite3.DatabaseError(f"it is damaged ({said})"))


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0

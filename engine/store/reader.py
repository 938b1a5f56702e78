"""Reads the journal beside whoever writes it: for the command line, without a thread, a lock or a change of the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.store import journal as chain
from engine.store.database import connect, reason_of, version_of
from engine.store.encoding_rows import decode_entry
from engine.store.models import StoredEntry
from engine.store.rows import JournalEntry, StoreFailed

AT_ONCE = 1_000
"""Lines that are in memory at a time."""


class JournalReader:
    """The journal of one database. `close` it."""

    def __init__(self, url: URL) -> None:
        """Open it; raises StoreFailed when there is no journal in it."""
        self._engine = connect(url, read_only=True)
        try:
            with self._engine.connect() as connection:
                if version_of(connection) is None:
                    raise StoreFailed(f"Expected a database of Shikra at {url.render_as_string(hide_password=True)}, was another one.")
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise StoreFailed(f"The database cannot be read: {reason_of(error)}.") from error

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def verify(self) -> int:
        """Check every line against the chain and return how many there are; raises StoreFailed at the first that does not fit."""
        with self._session() as session:
            lines = session.scalars(select(StoredEntry).order_by(StoredEntry.seq).execution_options(yield_per=AT_ONCE))
            return chain.verify(lines, chain.Tail()).seq

    def newest_first(self, order_id: str | None = None) -> Iterator[tuple[int, JournalEntry]]:
        """Walk over lines with their numbers, the newest first: all, or those of one order."""
        query = select(StoredEntry).order_by(StoredEntry.seq.desc()).execution_options(yield_per=AT_ONCE)
        if order_id is not None:
            query = query.where(StoredEntry.order_id == order_id)
        with self._session() as session:
            for row in session.scalars(query):
                yield row.seq, decode_entry(row)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with Session(self._engine) as session:
                yield session
        except SQLAlchemyError as error:
            raise StoreFailed(f"The database cannot be read: {reason_of(error)}.") from error

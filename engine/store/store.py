"""The terminal's memory: what was ordered, filled and earned, and all that must survive a power cut.

Writing never waits on the caller's thread: rows are queued, a thread of its own commits them, and `commit` tells when they are safe.
Reading is for the start and for reports; it sees what has been committed.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar, get_args

from sqlalchemy import Engine, Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.core.model import Fill, Instrument, Order, Position, Trade
from engine.store import journal as chain
from engine.store.batch import Job
from engine.store.database import connect, open_engine, reason_of, to_url
from engine.store.encoding import decode_fill, decode_instrument, decode_order, decode_position, decode_trade
from engine.store.encoding_rows import decode_alert, decode_day, decode_entry, decode_session, decode_strategy, decode_study, decode_trial
from engine.store.models import (
    Base,
    StoredAlert,
    StoredDay,
    StoredEntry,
    StoredFill,
    StoredInstrument,
    StoredOrder,
    StoredPosition,
    StoredSession,
    StoredSetting,
    StoredStrategy,
    StoredStudy,
    StoredTrade,
    StoredTrial,
)
from engine.store.rows import AccountDay, AlertRow, JournalEntry, SessionRow, StoreFailed, StoreRow, StrategyRow, StudyRow, TrialRow
from engine.store.spill import Spill
from engine.store.writer import Writer

M = TypeVar("M", bound=Base)
T = TypeVar("T", StoredOrder, StoredFill, StoredTrade, StoredPosition)

_KNOWN = frozenset(get_args(StoreRow))


class Store:
    """One open database. Make it with `Store.open`; `close` it, for a thread of its own lives until then."""

    def __init__(self, engine: Engine, reader: Engine, spill: Path | None = None) -> None:
        """`spill`: file where rows wait that the database does not take."""
        self.account = ""
        """Orders, fills, trades, positions and journal lines are written for this account; a session sets it."""
        self._engine = engine
        self._reader = reader
        self._writer: Writer | None = None
        try:
            self._writer = Writer(engine, Spill(spill))
        except StoreFailed:
            engine.dispose()
            reader.dispose()
            raise

    def __del__(self) -> None:
        """Tell of a store that nobody closed."""
        if getattr(self, "_writer", None) is not None:
            warnings.warn("a store was not closed", ResourceWarning, source=self, stacklevel=2)

    @classmethod
    def open(cls, location: str | Path) -> Store:
        """Open the database at a path (SQLite) or URL, making or upgrading it.

        Raises StoreFailed when it is damaged, in the way or made by a newer Shikra; InvalidOption when the URL is none we know.
        """
        url = to_url(location)
        # Beside a file, on the same disk but not in the same locks; a server's rows wait in memory.
        spill = Path(f"{url.database}.spill") if url.get_backend_name() == "sqlite" else None
        return cls(open_engine(location), connect(url, read_only=True), spill)

    @property
    def failure(self) -> StoreFailed | None:
        """Why nothing more is written, or None."""
        return self._writer.failure if self._writer else StoreFailed("The database is closed; open it again.")

    def write(self, *rows: StoreRow) -> None:
        """Queue rows, in order, without waiting; raises StoreFailed once a write has failed.

        While the database is only locked, full or gone they are kept aside all the same, and written when it takes rows again.
        """
        self._put(rows, None, None)

    def commit(self, *rows: StoreRow) -> asyncio.Future[None]:
        """Queue rows and return a future of the running loop, done when these and all queued before are on the disk.

        The future fails with StoreFailed when they are not, and so does every later one until the database takes rows again;
        what was told no is not written later either.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        try:
            self._put(rows, done, loop)
        except StoreFailed as failure:
            done.set_exception(failure)
        return done

    async def flush(self) -> None:
        """Wait until all that was queued is on the disk; raises StoreFailed when it is not."""
        await self.commit()

    def close(self) -> None:
        """Write what is queued and end the thread; raises StoreFailed when something could not be written."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.stop()
        self._engine.dispose()
        self._reader.dispose()
        if writer.failure is not None:
            raise writer.failure

    def orders(self, account: str) -> list[Order]:
        """Return the account's orders, oldest first."""
        query = select(StoredOrder).where(StoredOrder.account == account).order_by(StoredOrder.created_ns, StoredOrder.id)
        return [decode_order(row, instrument) for row, instrument in self._read_traded(query)]

    def fills(self, account: str) -> list[Fill]:
        """Return the account's fills in the order in which they became known."""
        query = select(StoredFill).where(StoredFill.account == account).order_by(StoredFill.seq)
        return [decode_fill(row, instrument) for row, instrument in self._read_traded(query)]

    def trades(self, account: str) -> list[Trade]:
        """Return the account's round trips in the order in which they were closed."""
        query = select(StoredTrade).where(StoredTrade.account == account).order_by(StoredTrade.seq)
        return [decode_trade(row, instrument) for row, instrument in self._read_traded(query)]

    def positions(self, account: str) -> list[Position]:
        """Return the account's positions of all owners, flat ones included."""
        columns = (StoredPosition.key, StoredPosition.product, StoredPosition.owner)
        query = select(StoredPosition).where(StoredPosition.account == account).order_by(*columns)
        return [decode_position(row, instrument) for row, instrument in self._read_traded(query)]

    def journal(self, account: str | None = None, order_id: str | None = None) -> list[JournalEntry]:
        """Return the journal's lines in order: all, or those of one account or order."""
        query = select(StoredEntry).order_by(StoredEntry.seq)
        if account is not None:
            query = query.where(StoredEntry.account == account)
        if order_id is not None:
            query = query.where(StoredEntry.order_id == order_id)
        return [decode_entry(row) for row in self._read(query)]

    def verify_journal(self, last: int | None = None) -> int:
        """Check every line of the journal against the chain, or the `last` so many, and return how many lines there are.

        Raises StoreFailed at a break.
        """
        with self._session() as session:
            query, tail = select(StoredEntry).order_by(StoredEntry.seq), chain.Tail()
            newest = session.scalars(select(StoredEntry.seq).order_by(StoredEntry.seq.desc()).limit(1)).first() or 0
            if last is not None and newest > last:
                first = session.scalars(query.where(StoredEntry.seq > newest - last).limit(1)).one()
                tail = chain.Tail(first.seq - 1, first.prev_hash)
                query = query.where(StoredEntry.seq >= first.seq)
            # Closed at a break, too: a server keeps what was asked for until then.
            with closing(session.scalars(query.execution_options(yield_per=1_000))) as lines:
                return chain.verify(lines, tail).seq

    def sessions(self) -> list[SessionRow]:
        """Return all runs of the terminal, oldest first."""
        return [decode_session(row) for row in self._read(select(StoredSession).order_by(StoredSession.started_ns))]

    def strategies(self) -> list[StrategyRow]:
        """Return the strategies that are kept, by id."""
        return [decode_strategy(row) for row in self._read(select(StoredStrategy).order_by(StoredStrategy.id))]

    def settings(self) -> dict[str, object]:
        """Return the settings by name."""
        return {row.name: json.loads(row.value) for row in self._read(select(StoredSetting).order_by(StoredSetting.name))}

    def alerts(self, account: str, kind: str, most: int = 1_000) -> list[AlertRow]:
        """Return the account's alerts (kind "alert") or what was told ("event"), the newest `most`, oldest first."""
        query = select(StoredAlert).where(StoredAlert.account == account, StoredAlert.kind == kind, StoredAlert.data != "{}")
        rows = self._read(query.order_by(StoredAlert.time_ns.desc(), StoredAlert.id.desc()).limit(most))
        return [decode_alert(row) for row in reversed(rows)]

    def account_days(self, account: str) -> list[AccountDay]:
        """Return the account's days in order."""
        return [decode_day(row) for row in self._read(select(StoredDay).where(StoredDay.account == account).order_by(StoredDay.day))]

    def account_day(self, account: str, day: date) -> AccountDay | None:
        """Return the account's figures of that day, None when there are none."""
        rows = self._read(select(StoredDay).where(StoredDay.account == account, StoredDay.day == day.isoformat()))
        return decode_day(rows[0]) if rows else None

    def studies(self) -> list[StudyRow]:
        """Return all searches for parameters, oldest first."""
        return [decode_study(row) for row in self._read(select(StoredStudy).order_by(StoredStudy.id))]

    def trials(self, study_id: int, first: int, end: int, objectives: int = 1) -> list[TrialRow]:
        """Return the trials of a study with numbers from `first` to before `end`, in order; `objectives`: how many it has."""
        query = select(StoredTrial).where(StoredTrial.study_id == study_id, StoredTrial.number >= first, StoredTrial.number < end)
        return [decode_trial(row, objectives) for row in self._read(query.order_by(StoredTrial.number))]

    def _put(self, rows: tuple[StoreRow, ...], done: asyncio.Future[None] | None, loop: asyncio.AbstractEventLoop | None) -> None:
        for row in rows:
            if type(row) not in _KNOWN:
                raise TypeError(f"the store does not know {type(row).__name__}")
        failure = self.failure
        if self._writer is not None and (failure is None or (done is None and self._writer.is_holding)):
            self._writer.put(Job(self.account, rows, done, loop))
        if failure is not None:
            raise failure

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._writer is None:
            raise StoreFailed("The database is closed; open it again.")
        try:
            with Session(self._reader) as session:
                yield session
        except SQLAlchemyError as error:
            raise StoreFailed(f"The database cannot be read: {reason_of(error)}.") from error

    def _read(self, query: Select[M]) -> list[M]:
        with self._session() as session:
            return list(session.scalars(query))

    def _read_traded(self, query: Select[T]) -> list[tuple[T, Instrument]]:
        """Read rows that name an instrument, each with it; equal instruments are one object."""
        with self._session() as session:
            known = {row.id: decode_instrument(row) for row in session.scalars(select(StoredInstrument))}
            return [(row, known[row.instrument_id]) for row in session.scalars(query)]

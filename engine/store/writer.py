"""The one thread that writes: it takes what has gathered, puts it down in one durable commit, and says so.

Many wishes share one commit (the disk is asked once for all of them). The first failure is the last write: nothing more is taken, so
that no order can leave without its line in the journal.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, cast

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from engine import failpoints
from engine.core.errors import InvariantBroken
from engine.core.model import Fill, Instrument, Order, Position, Trade
from engine.store.database import reason_of
from engine.store.encoding import Values, encode_fill, encode_instrument, encode_order, encode_position, encode_trade
from engine.store.encoding_rows import encode_alert, encode_day, encode_session, encode_setting, encode_strategy, encode_study, encode_trial
from engine.store.journal import Tail, encode_entry
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
from engine.store.rows import (
    AccountDay,
    AlertRow,
    JournalEntry,
    SessionRow,
    Setting,
    StoreFailed,
    StoreRow,
    StrategyRemoved,
    StrategyRow,
    StudyRow,
    TrialRow,
)
from engine.store.statements import COLUMNS, write_statement

log = logging.getLogger(__name__)

JOURNAL_LOCK = 5_348_723_002
"""PostgreSQL's advisory lock under which the journal's chain grows."""

CHECKPOINT_ROWS = 2_000
"""After so many rows the write-ahead log is folded into the file, when nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Job:
    """Rows of one call, and who waits for them."""

    account: str
    rows: tuple[StoreRow, ...]
    done: asyncio.Future[None] | None = None
    loop: asyncio.AbstractEventLoop | None = None


class Writer:
    """The writing thread and its queue."""

    def __init__(self, engine: Engine) -> None:
        """Start the thread on an open database."""
        self.failure: StoreFailed | None = None
        self._engine = engine
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._batch = Batch(engine)
        self._driver_error: type[BaseException] = engine.dialect.loaded_dbapi.Error
        self._is_over = False
        # A process that ends without closing must neither hang on this thread nor lose what is queued.
        self._thread = threading.Thread(target=self._run, name="shikra-store", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def put(self, job: Job) -> None:
        """Queue a job; one that comes after a failure or the close fails at once."""
        self._queue.put(job)
        if self._is_over:
            self._refuse_queued()

    def stop(self) -> None:
        """Write what is queued and end the thread."""
        atexit.unregister(self.stop)
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            connection = self._engine.raw_connection()
            try:
                while self._take_and_write(connection):
                    pass
            finally:
                connection.close()
        except (SQLAlchemyError, self._driver_error, OSError, ValueError, TypeError, ArithmeticError) as error:
            self._fail(error)
            log.error("the database failed", exc_info=error)
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            # Also when something unforeseen ended the thread: whoever waits must hear of it.
            self._is_over = True
            self._refuse_queued()

    def _fail(self, error: BaseException) -> None:
        self.failure = StoreFailed(f"The database took nothing more: {reason_of(error)}; restart once that is mended.")
        self.failure.__cause__ = error

    def _take_and_write(self, connection: PoolProxiedConnection) -> bool:
        jobs, goes_on = self._take()
        if jobs:
            try:
                self._batch.write(connection, jobs)
            except BaseException as error:
                told = StoreFailed(f"The database did not take it: {reason_of(error)}.")
                _tell(jobs, told)
                raise
            if failpoints.reached is not None and any(job.done is not None for job in jobs):
                failpoints.reached("after intent")
            _tell(jobs, None)
            if self._queue.empty():
                self._batch.checkpoint(connection)
        return goes_on

    def _take(self) -> tuple[list[Job], bool]:
        job = self._queue.get()
        jobs: list[Job] = []
        while job is not None:
            jobs.append(job)
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _refuse_queued(self) -> None:
        jobs: list[Job] = []
        while True:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is not None:
                jobs.append(job)
        _tell(jobs, self.failure or StoreFailed("The database is closed; open it again."))


class Batch:
    """Turns jobs into rows of tables and writes them in one transaction, straight through the database's driver."""

    def __init__(self, engine: Engine) -> None:
        self._sql = {model: write_statement(model, engine.dialect) for model in COLUMNS}
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._place = "?" if self._is_sqlite else "%s"
        self._version = -1
        self._tail = Tail()
        self._instruments: dict[Instrument, int] = {}
        self._rows_since_checkpoint = 0

    def write(self, connection: PoolProxiedConnection, jobs: Iterable[Job]) -> None:
        """Write all rows of these jobs, durably or not at all."""
        cursor = connection.cursor()
        try:
            self._begin(cursor)
            tables: dict[type[Base], dict[object, Values]] = {}
            for job in jobs:
                for row in job.rows:
                    self._encode(cursor, job.account, row, tables)
            for model, rows in tables.items():
                if rows:
                    cursor.executemany(self._sql[model], list(rows.values()))
                    self._rows_since_checkpoint += len(rows)
            if failpoints.reached is not None and StoredFill in tables:
                failpoints.reached("mid-fill")
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            cursor.close()

    def checkpoint(self, connection: PoolProxiedConnection) -> None:
        """Fold SQLite's log into the file now and then, after everybody has been told, so that no commit has to."""
        if self._is_sqlite and self._rows_since_checkpoint >= CHECKPOINT_ROWS:
            self._rows_since_checkpoint = 0
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            cursor.close()

    def _begin(self, cursor: DBAPICursor) -> None:
        """Take the lock of writers, and find the journal's end anew if another process may have written."""
        if self._is_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("PRAGMA data_version")
            version = int(_one(cursor)[0])
            if version == self._version:
                return
            self._version = version
        else:
            cursor.execute(f"SELECT pg_advisory_xact_lock({JOURNAL_LOCK})")
        cursor.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
        row = cursor.fetchone()
        self._tail = Tail(*row) if row is not None else Tail()

    def _encode(self, cursor: DBAPICursor, account: str, row: StoreRow, tables: dict[type[Base], dict[object, Values]]) -> None:
        def number(instrument: Instrument) -> int:
            return self._instruments.get(instrument) or self._add_instrument(cursor, instrument)

        # What is kept in its latest state needs writing once a batch; the rest is kept under a name of its own.
        match row:
            case JournalEntry():
                values, self._tail = encode_entry(account, row, self._tail)
                tables.setdefault(StoredEntry, {})[self._tail.seq] = values
            case Order():
                tables.setdefault(StoredOrder, {})[account, row.id] = encode_order(account, row, number)
            case Fill():
                tables.setdefault(StoredFill, {})[object()] = encode_fill(account, row, number)
            case Position():
                key = (account, row.instrument.key, row.product, row.owner)
                tables.setdefault(StoredPosition, {})[key] = encode_position(account, row, number)
            case Trade():
                tables.setdefault(StoredTrade, {})[object()] = encode_trade(account, row, number)
            case AlertRow():
                tables.setdefault(StoredAlert, {})[account, row.id] = encode_alert(account, row)
            case AccountDay():
                tables.setdefault(StoredDay, {})[row.account, row.day] = encode_day(row)
            case SessionRow():
                tables.setdefault(StoredSession, {})[row.id] = encode_session(row)
            case StrategyRow():
                tables.setdefault(StoredStrategy, {})[row.id] = encode_strategy(row)
            case StrategyRemoved():
                tables.setdefault(StoredStrategy, {}).pop(row.id, None)
                cursor.execute(f"DELETE FROM strategies WHERE id = {self._place}", (row.id,))
            case Setting():
                tables.setdefault(StoredSetting, {})[row.name] = encode_setting(row)
            case StudyRow():
                tables.setdefault(StoredStudy, {})[row.id] = encode_study(row)
            case TrialRow():
                tables.setdefault(StoredTrial, {})[row.study_id, row.number] = encode_trial(row)

    def _add_instrument(self, cursor: DBAPICursor, instrument: Instrument) -> int:
        values = encode_instrument(instrument)
        cursor.execute(self._sql[StoredInstrument], values)
        cursor.execute(f"SELECT id FROM instruments WHERE identity = {self._place}", values[:1])
        self._instruments[instrument] = number = int(_one(cursor)[0])
        return number


def _one(cursor: DBAPICursor) -> Sequence[Any]:
    row = cursor.fetchone()
    if row is None:
        raise InvariantBroken("a row that was just written is not there")
    return cast("Sequence[Any]", row)


def _tell(jobs: Iterable[Job], failure: StoreFailed | None) -> None:
    """Resolve what these jobs' callers wait for, on their own loops."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for job in jobs:
        if job.done is not None and job.loop is not None:
            by_loop.setdefault(job.loop, []).append(job.done)
    for loop, futures in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, futures, failure)
        except RuntimeError:
            # The loop was closed: nobody waits there any more.
            log.debug("a loop was closed before its rows were written")


def _resolve(futures: Iterable[asyncio.Future[None]], failure: StoreFailed | None) -> None:
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)

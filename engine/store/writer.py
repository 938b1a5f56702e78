"""The one thread that writes: it takes what has gathered, puts it down in one durable commit, and says so.

Many wishes share one commit (the disk is asked once for all of them). While the database takes nothing (locked, full, gone), whoever
waits is told no, so that no order leaves without its line in the journal; what happened all the same is kept aside, in order, until
the database takes it. Any other failure is the last write.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sqlite3
import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from engine import failpoints
from engine.store.batch import Batch, Job
from engine.store.database import reason_of
from engine.store.rows import StoreFailed
from engine.store.spill import TAKEN_IN, Spill

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""So long after a failure the database is asked again."""

PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)
"""What may pass without anybody looking into the file; a server's are told by their class, OperationalError."""


class Writer:
    """The writing thread and its queue."""

    def __init__(self, engine: Engine, spill: Spill | None = None) -> None:
        """Take in what waited in `spill`, then start the thread on an open database; raises StoreFailed when it takes nothing."""
        self.failure: StoreFailed | None = None
        self._engine = engine
        self._spill = spill or Spill(None)
        self._held: list[Job] = []
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._batch = Batch(engine)
        self._driver_error: type[BaseException] = engine.dialect.loaded_dbapi.Error
        self._passing: type[BaseException] = engine.dialect.loaded_dbapi.OperationalError
        self._is_over = False
        self._take_in()
        # A process that ends without closing must neither hang on this thread nor lose what is queued.
        self._thread = threading.Thread(target=self._run, name="shikra-store", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def put(self, job: Job) -> None:
        """Queue a job; one that comes after the last failure or the close fails at once."""
        self._queue.put(job)
        if self._is_over:
            self._refuse_queued()

    @property
    def is_holding(self) -> bool:
        """Tell whether rows are kept aside until the database takes them."""
        return self.failure is not None and not self._is_over

    def stop(self) -> None:
        """Write what is queued and end the thread."""
        atexit.unregister(self.stop)
        self._queue.put(None)
        self._thread.join()

    def _take_in(self) -> None:
        """Write what a process before us could not."""
        waiting = self._spill.read()
        if not waiting:
            return
        mark = self._spill.mark()
        try:
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute(f"SELECT 1 FROM settings WHERE name = '{TAKEN_IN}' AND value LIKE '%{mark.value}%'")
                is_known = cursor.fetchone() is not None
                cursor.close()
                if not is_known:
                    self._batch.write(connection, [*waiting, Job("", (mark,))])
            finally:
                connection.close()
        except (SQLAlchemyError, self._driver_error) as error:
            shown = self._spill.path
            raise StoreFailed(f"Expected to take in what waits in {shown}, but: {reason_of(error)}; mend that, and start again.") from error
        self._spill.clear()
        log.warning("%d rows that the database did not take before are in it now", len(waiting))

    def _run(self) -> None:
        connection: PoolProxiedConnection | None = None
        try:
            goes_on = True
            while goes_on:
                jobs, goes_on = self._take()
                connection = self._write(connection, jobs)
        except (SQLAlchemyError, self._driver_error, OSError, ValueError, TypeError, ArithmeticError) as error:
            self._fail(error)
            log.error("the database failed", exc_info=error)
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            if connection is not None:
                connection.close()
            # Also when something unforeseen ended the thread: whoever waits must hear of it.
            self._is_over = True
            self._refuse_queued()

    def _fail(self, error: BaseException, then: str = "restart once that is mended") -> None:
        self.failure = StoreFailed(f"The database took nothing more: {reason_of(error)}; {then}.")
        self.failure.__cause__ = error

    def _write(self, connection: PoolProxiedConnection | None, jobs: list[Job]) -> PoolProxiedConnection | None:
        """Write jobs, after what is held; returns the connection to go on with, None when another one is needed."""
        if not jobs and self.failure is None:
            return connection
        try:
            connection = connection or self._engine.raw_connection()
            marked = [Job("", (self._spill.mark(),))] if self._held else []
            self._batch.write(connection, [*self._held, *marked, *jobs])
        except (DBAPIError, self._passing) as error:
            may_pass = self._may_pass(error)
            if may_pass:
                self._hold(jobs, error)
            # After that, so that whoever is told no finds the failure there.
            _refuse(jobs, error)
            if not may_pass:
                raise
            if connection is not None:
                connection.invalidate()
            return None
        except BaseException as error:
            _refuse(jobs, error)
            raise
        if failpoints.reached is not None and any(job.done is not None for job in jobs):
            failpoints.reached("after intent")
        if self.failure is not None:
            self._let_go()
        _tell(jobs, None)
        if self._queue.empty():
            self._batch.checkpoint(connection)
        return connection

    def _may_pass(self, error: BaseException) -> bool:
        told = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(told, "sqlite_errorcode", None)
        return isinstance(told, self._passing) and (code is None or code & 0xFF in PASSING)

    def _hold(self, jobs: Iterable[Job], error: BaseException) -> None:
        """Keep what happened for later; what somebody waited for did not happen."""
        kept = [job for job in jobs if job.done is None]
        is_safe = self._spill.add(kept) if kept else True
        self._held += kept
        if self.failure is None:
            log.error("the database takes nothing: %s", reason_of(error))
        where = f"in {self._spill.path}" if is_safe and self._spill.path is not None else "in memory alone"
        self._fail(error, f"what happens is kept {where} and written once that is mended")

    def _let_go(self) -> None:
        count = sum(len(job.rows) for job in self._held)
        self._held.clear()
        self._spill.clear()
        self.failure = None
        log.warning("the database takes rows again; %d that waited are in it", count)

    def _take(self) -> tuple[list[Job], bool]:
        """Wait for jobs, while rows are held only until it is time to ask again; returns them, and whether there will be more."""
        jobs: list[Job] = []
        try:
            job = self._queue.get(timeout=AGAIN_S if self.failure is not None else None)
            while job is not None:
                jobs.append(job)
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


def _refuse(jobs: Iterable[Job], error: BaseException) -> None:
    """Tell who waits that nothing of it is in the database."""
    _tell(jobs, StoreFailed(f"The database did not take it: {reason_of(error)}."))


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

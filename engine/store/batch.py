"""Rows of many wishes as one transaction: how each becomes a line of its table, and how the journal's chain goes on.

What is written is durable or not there at all; after a failure nothing that was remembered of the database counts any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.engine.interfaces import DBAPICursor

from engine import failpoints
from engine.core.errors import InvariantBroken
from engine.core.model import Fill, Instrument, Order, Position, Trade
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
    StoreRow,
    StrategyRemoved,
    StrategyRow,
    StudyRow,
    TrialRow,
)
from engine.store.statements import COLUMNS, write_statement

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


class Batch:
    """Turns jobs into rows of tables and writes them in one transaction, straight through the database's driver."""

    def __init__(self, engine: Engine) -> None:
        self._sql = {model: write_statement(model, engine.dialect) for model in COLUMNS}
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._place = "?" if self._is_sqlite else "%s"
        self._driver_error: type[BaseException] = engine.dialect.loaded_dbapi.Error
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
            # What was numbered in a transaction that did not happen must be numbered anew.
            self._version, self._instruments = -1, {}
            with suppress(self._driver_error):
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

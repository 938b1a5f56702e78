"""The statements that write: made once for the database at hand, then only filled with rows.

Orders, positions and the like are kept in their latest state; executions, round trips and instruments are taken once; the journal grows.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

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

_NUMBERED: dict[type[Base], str] = {StoredInstrument: "id", StoredFill: "seq", StoredTrade: "seq"}
"""Tables whose rows the database numbers by itself."""

_MODELS: tuple[type[Base], ...] = (
    StoredInstrument,
    StoredEntry,
    StoredOrder,
    StoredFill,
    StoredTrade,
    StoredPosition,
    StoredSession,
    StoredStrategy,
    StoredAlert,
    StoredDay,
    StoredSetting,
    StoredStudy,
    StoredTrial,
)

COLUMNS: dict[type[Base], tuple[str, ...]] = {
    model: tuple(c.name for c in Base.metadata.tables[model.__tablename__].columns if c.name != _NUMBERED.get(model)) for model in _MODELS
}
"""The columns that are written, in the order of the values; row numbers are left to the database."""

_ONCE = (StoredInstrument, StoredFill, StoredTrade)


def write_statement(model: type[Base], dialect: Dialect) -> str:
    """Return the SQL that writes one row of this table, with a place for each of `COLUMNS`."""
    table = Base.metadata.tables[model.__tablename__]
    columns = COLUMNS[model]
    make = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement: Any = make(table).values(dict.fromkeys(columns)).inline()
    if model in _ONCE:
        statement = statement.on_conflict_do_nothing()
    elif model is not StoredEntry:
        keys = [column.name for column in table.primary_key]
        latest = {name: statement.excluded[name] for name in columns if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=latest)
    return str(statement.compile(dialect=dialect, column_keys=list(columns)))

"""Where rows wait that the database does not take: a file beside it that only grows, until the database has them.

Each line is one row, synced before anybody goes on; a line that was cut off by a crash is the last, and is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.core.model import Fill, Instrument, Order, Position, Trade
from engine.store.batch import Job
from engine.store.encoding import (
    Values,
    decode_fill,
    decode_instrument,
    decode_order,
    decode_position,
    decode_trade,
    encode_fill,
    encode_instrument,
    encode_order,
    encode_position,
    encode_trade,
)
from engine.store.encoding_rows import (
    decode_alert,
    decode_day,
    decode_session,
    decode_strategy,
    decode_study,
    decode_trial,
    encode_alert,
    encode_day,
    encode_session,
    encode_strategy,
    encode_study,
    encode_trial,
)
from engine.store.models import (
    Base,
    StoredAlert,
    StoredDay,
    StoredFill,
    StoredInstrument,
    StoredOrder,
    StoredPosition,
    StoredSession,
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
from engine.store.statements import COLUMNS

TAKEN_IN = "spill_taken_in"
"""Setting that names the last file whose rows are all in the database: after a crash it is not taken in twice."""

_TRADED: dict[type, tuple[type[Base], Any, Any]] = {
    Order: (StoredOrder, encode_order, decode_order),
    Fill: (StoredFill, encode_fill, decode_fill),
    Trade: (StoredTrade, encode_trade, decode_trade),
    Position: (StoredPosition, encode_position, decode_position),
}
_KEPT: dict[type, tuple[type[Base], Any, Any]] = {
    SessionRow: (StoredSession, encode_session, decode_session),
    StrategyRow: (StoredStrategy, encode_strategy, decode_strategy),
    AccountDay: (StoredDay, encode_day, decode_day),
    StudyRow: (StoredStudy, encode_study, decode_study),
    TrialRow: (StoredTrial, encode_trial, lambda row: decode_trial(row, 2)),
}
_BY_NAME = {kind.__name__: kind for kind in (*_TRADED, *_KEPT)}


class Spill:
    """The file of one database; without a path rows wait in memory alone."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def add(self, jobs: Iterable[Job]) -> bool:
        """Write rows down and sync them; returns whether that could be done."""
        # A line break first: what a full disk cut off stays a line of its own.
        lines = ("\n" + "".join(to_line(job.account, row) for job in jobs for row in job.rows)).encode()
        if self.path is None:
            return False
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                is_whole = os.write(file, lines) == len(lines)
                os.fsync(file)
            finally:
                os.close(file)
        except OSError:
            return False
        return is_whole

    def read(self) -> list[Job]:
        """Return what waits, in order."""
        if self.path is None or not self.path.exists():
            return []
        return [Job(account, (row,)) for account, row in _whole_lines(self.path.read_text(encoding="utf-8", errors="replace"))]

    def mark(self) -> Setting:
        """Return the setting that says that all of this file is in the database."""
        content = b""
        if self.path is not None:
            with suppress(OSError):
                content = self.path.read_bytes()
        return Setting(TAKEN_IN, sha256(content).hexdigest())

    def clear(self) -> None:
        """Let go of the file: the database has it all."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()


def to_line(account: str, row: StoreRow) -> str:
    """Return a row as one line of JSON."""
    return json.dumps([account, type(row).__name__, *_parts(account, row)], default=_plain) + "\n"


def from_line(line: str) -> tuple[str, StoreRow]:
    """Return the account and the row of a line; raises ValueError, KeyError or TypeError when it is none of ours."""
    account, name, values, *rest = json.loads(line)
    match name:
        case "JournalEntry":
            return account, JournalEntry(*values)
        case "Setting":
            return account, Setting(*values)
        case "StrategyRemoved":
            return account, StrategyRemoved(*values)
        case "AlertRow":
            return account, decode_alert(_stored(StoredAlert, values))
    kind = _BY_NAME[name]
    if kind in _TRADED:
        model, _, decode = _TRADED[kind]
        found: StoreRow = decode(_stored(model, values), decode_instrument(_stored(StoredInstrument, rest[0])))
    else:
        model, _, decode = _KEPT[kind]
        found = decode(_stored(model, values))
    return account, found


def _parts(account: str, row: StoreRow) -> list[Values]:
    match row:
        case JournalEntry():
            return [(row.time_ns, row.kind, row.order_id, dict(row.payload))]
        case Setting():
            return [(row.name, row.value)]
        case StrategyRemoved():
            return [(row.id,)]
        case AlertRow():
            return [encode_alert(account, row)]
    if type(row) in _TRADED:
        seen: list[Instrument] = []

        def number(instrument: Instrument) -> int:
            seen.append(instrument)
            return 0

        values = _TRADED[type(row)][1](account, row, number)
        return [values, encode_instrument(seen[0])]
    return [_KEPT[type(row)][1](row)]


def _stored(model: type[Base], values: list[Any]) -> Any:
    plain = [bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in values]
    return model(**dict(zip(COLUMNS[model], plain, strict=True)))


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    item = getattr(value, "item", None)  # a number out of an array
    return item() if item is not None else str(value)


def _whole_lines(text: str) -> Iterator[tuple[str, StoreRow]]:
    for line in text.split("\n")[:-1]:
        with suppress(ValueError, KeyError, TypeError):
            yield from_line(line)

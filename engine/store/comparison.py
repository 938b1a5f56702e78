"""Holds the tables against what the journal says, and puts right what differs, all of it in one go or nothing.

Nobody may trade meanwhile: whoever calls has the folder's lock. What the journal does not know of (a broker's tradebook that was taken in,
lines of an older Shikra) stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.core.model import Fill, Instrument, Order, Position, Trade
from engine.store import journal as chain
from engine.store.database import connect, open_engine, reason_of, to_url
from engine.store.encoding import (
    Values,
    decode_fill,
    decode_instrument,
    decode_order,
    encode_fill,
    encode_order,
    encode_position,
    encode_trade,
)
from engine.store.encoding_rows import decode_entry
from engine.store.models import Base, StoredEntry, StoredFill, StoredInstrument, StoredOrder, StoredPosition, StoredTrade
from engine.store.rebuild import FillKey, Rebuilt, books_of, rebuild
from engine.store.rows import StoreFailed
from engine.store.statements import COLUMNS

M = TypeVar("M", bound=Base)
Settle = Callable[[Iterable[Fill]], list[Fill]]
"""Leaves out executions that truer ones have taken the place of."""

_NOT_COMPARED = frozenset({"account", "reservation", "instrument_id"})
"""A reservation ends with its run; an instrument is the one that the row, or else the newest list, names."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a table says otherwise than the journal."""

    account: str
    table: str
    what: str
    """Which row, in a trader's words."""
    column: str
    """Which column; empty where the whole row is missing, or is one too many."""
    kept: object
    """What the table says, None for a missing row."""
    told: object
    """What the journal says, None for a row of which it knows nothing."""


@dataclass(slots=True)
class Comparison:
    """What came of holding the tables against the journal."""

    lines: int = 0
    orders: int = 0
    fills: int = 0
    differences: list[Difference] = field(default_factory=list)
    of_old: list[str] = field(default_factory=list)
    """Orders that cannot be made of lines of an older Shikra; they stay as they are."""


def compare(location: Any, settle: Settle, *, mend: bool = False) -> Comparison:
    """Hold the tables of a database against its journal, and with `mend` make them what that says.

    Raises StoreFailed for a journal that is not as it was written, and when the database cannot be read or written; then nothing changed.
    """
    engine = open_engine(location) if mend else connect(to_url(location), read_only=True)
    try:
        with engine.begin() as connection:
            return _Tables(connection, settle).compare(mend=mend)
    except SQLAlchemyError as error:
        raise StoreFailed(f"The database could not be compared: {reason_of(error)}; nothing was changed.") from error
    finally:
        engine.dispose()


class _Tables:
    """The tables of one database, in one transaction."""

    def __init__(self, connection: Connection, settle: Settle) -> None:
        self._connection, self._settle = connection, settle
        self._session = Session(connection)
        self._instruments: dict[int, Instrument] = {}
        self._by_key: dict[str, Instrument] = {}
        self._ids: dict[Instrument, int] = {}
        for row in self._session.scalars(select(StoredInstrument).order_by(StoredInstrument.id)):
            instrument = decode_instrument(row)
            self._instruments[row.id] = self._by_key[instrument.key] = instrument
            self._ids[instrument] = row.id
        self._made = Comparison()

    def compare(self, *, mend: bool) -> Comparison:
        """Compare account by account."""
        made = self._made
        made.lines = chain.verify(self._rows(select(StoredEntry).order_by(StoredEntry.seq)), chain.Tail()).seq
        lines = (decode_entry(row) for row in self._rows(select(StoredEntry).order_by(StoredEntry.seq)))
        for account, told in rebuild(lines, self._instrument_of).items():
            made.orders += len(told.orders)
            made.fills += len(told.fills)
            made.of_old += sorted(told.of_old)
            if not (told.orders or told.fills):
                continue
            orders, fills = self._orders(account, told), self._fills(account, told)
            positions, trades = books_of(self._settle(fills))
            self._compare_positions(account, positions)
            self._compare_trades(account, trades)
            if mend:
                self._write(account, orders, fills, positions, trades)
        return made

    def _rows(self, query: Any) -> Iterable[Any]:
        return self._session.scalars(query.execution_options(yield_per=1_000))

    def _instrument_of(self, key: str) -> Instrument:
        if key not in self._by_key:
            raise StoreFailed(f"Expected {key} among the instruments of the database, was none; put a backup back (shikra backup restore).")
        return self._by_key[key]

    def _orders(self, account: str, told: Rebuilt) -> list[Order]:
        """Compare orders; returns them as the journal says, and as they stand where it does not say."""
        kept = {
            row.id: decode_order(row, self._instruments[row.instrument_id])
            for row in self._rows(
                select(StoredOrder).where(StoredOrder.account == account).order_by(StoredOrder.created_ns, StoredOrder.id)
            )
        }
        for order_id, order in told.orders.items():
            if order_id in kept:
                # The list of instruments may be another one by now; the row names the one that was traded.
                order = told.orders[order_id] = replace(order, request=replace(order.request, instrument=kept[order_id].instrument))
            what = f"{order.request.side.name} {order.quantity} {order.instrument.symbol}, order {order_id}"
            mine = self._encoded(encode_order, account, order)
            theirs = self._encoded(encode_order, account, kept[order_id]) if order_id in kept else None
            self._note(account, StoredOrder, what, theirs, mine)
        return list((kept | told.orders).values())

    def _fills(self, account: str, told: Rebuilt) -> list[Fill]:
        """Compare executions; returns them as the journal says, with those it does not know of between them, in order."""
        kept: dict[FillKey, Fill] = {}
        for row in self._rows(select(StoredFill).where(StoredFill.account == account).order_by(StoredFill.seq)):
            kept[row.order_id, row.trade_id] = decode_fill(row, self._instruments[row.instrument_id])
        for key, fill in told.fills.items():
            if key in kept:
                fill = told.fills[key] = replace(fill, instrument=kept[key].instrument)
            mine = self._encoded(encode_fill, account, fill)
            theirs = self._encoded(encode_fill, account, kept[key]) if key in kept else None
            self._note(account, StoredFill, _execution(fill), theirs, mine)
        for key, fill in kept.items():
            if key not in told.fills and fill.order_id in told.orders:
                self._note(account, StoredFill, _execution(fill), self._encoded(encode_fill, account, fill), None)
        others = [fill for key, fill in kept.items() if key not in told.fills and fill.order_id not in told.orders]
        if not others:
            return list(told.fills.values())
        return sorted([*others, *told.fills.values()], key=lambda fill: fill.time_ns)

    def _compare_positions(self, account: str, positions: list[Position]) -> None:
        kept = {
            (row.key, row.product, row.owner): tuple(getattr(row, name) for name in COLUMNS[StoredPosition])
            for row in self._rows(select(StoredPosition).where(StoredPosition.account == account))
        }
        for position in positions:
            theirs = kept.get((position.instrument.key, str(position.product), position.owner))
            what = f"{position.owner}'s {position.instrument.symbol} {position.product}"
            self._note(account, StoredPosition, what, theirs, self._encoded(encode_position, account, position))
        made = {(position.instrument.key, str(position.product), position.owner) for position in positions}
        for (key, product, owner), row in kept.items():
            if (key, product, owner) not in made:
                self._note(account, StoredPosition, f"{owner}'s {key} {product}", row, None)

    def _compare_trades(self, account: str, trades: list[Trade]) -> None:
        names = [name for name in COLUMNS[StoredTrade] if name not in _NOT_COMPARED]
        kept = Counter(
            tuple(getattr(row, name) for name in names) for row in self._rows(select(StoredTrade).where(StoredTrade.account == account))
        )
        made = [dict(zip(COLUMNS[StoredTrade], self._encoded(encode_trade, account, trade), strict=True)) for trade in trades]
        told = Counter(tuple(row[name] for name in names) for row in made)
        for missing, sign in ((told - kept, 1), (kept - told, -1)):
            for row in missing.elements():
                words = dict(zip(names, row, strict=True))
                what = f"{words['owner']}'s round trip of {words['quantity']}"
                self._made.differences.append(Difference(account, "trades", what, "", *((None, "made") if sign > 0 else ("kept", None))))

    def _note(self, account: str, model: type[Base], what: str, kept: Values | None, told: Values | None) -> None:
        """Note where a row and the journal differ."""
        table = model.__tablename__
        if kept is None or told is None:
            if kept is not told:
                self._made.differences.append(Difference(account, table, what, "", kept and "kept", told and "told"))
            return
        for name, mine, theirs in zip(COLUMNS[model], kept, told, strict=True):
            if name not in _NOT_COMPARED and mine != theirs:
                self._made.differences.append(Difference(account, table, what, name, mine, theirs))

    def _write(self, account: str, orders: list[Order], fills: list[Fill], positions: list[Position], trades: list[Trade]) -> None:
        """Make the tables of an account what they should be."""
        self._session.expunge_all()
        for model, encode, nouns in (
            (StoredOrder, encode_order, orders),
            (StoredFill, encode_fill, fills),
            (StoredPosition, encode_position, positions),
            (StoredTrade, encode_trade, trades),
        ):
            table: Any = Base.metadata.tables[model.__tablename__]
            self._connection.execute(delete(table).where(table.c.account == account))
            rows = [dict(zip(COLUMNS[model], self._encoded(encode, account, noun), strict=True)) for noun in nouns]
            for start in range(0, len(rows), 500):
                self._connection.execute(insert(table), rows[start : start + 500])

    def _encoded(self, encode: Callable[..., Values], account: str, noun: Any) -> Values:
        return encode(account, noun, self._ids.__getitem__)


def _execution(fill: Fill) -> str:
    return f"{fill.side.name} {fill.quantity} {fill.instrument.symbol} at {fill.price:,.2f}, trade {fill.trade_id}"

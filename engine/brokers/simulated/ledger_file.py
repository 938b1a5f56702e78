"""The simulated broker's own memory on disk: orders, fills, the next trade number, how far the replay came.

A real broker does not forget when the terminal is killed; this one does not either. What was reported was committed before.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from engine.brokers.simulated.orders import ExchangeOrder
from engine.core.model import BrokerFill, Exchange, Instrument, InstrumentKind, OrderStatus, OrderType, Product, Side, Validity

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instruments (
    key TEXT PRIMARY KEY, exchange TEXT, symbol TEXT, token INTEGER, name TEXT, kind TEXT, tick_size TEXT, lot_size INTEGER,
    multiplier INTEGER, expiry TEXT, strike TEXT, has_derivatives INTEGER, freeze_quantity INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, tag TEXT, number INTEGER, key TEXT, side INTEGER, quantity INTEGER, order_type TEXT, product TEXT, validity TEXT,
    price REAL, trigger_price REAL, status TEXT, is_triggered INTEGER, filled INTEGER, value_units INTEGER, charges_units INTEGER,
    message TEXT, created_ns INTEGER, updated_ns INTEGER, placed_ns INTEGER, placed_stage INTEGER, delay_bars INTEGER DEFAULT 0,
    is_sliced INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fills (
    number INTEGER PRIMARY KEY, trade_id TEXT UNIQUE, order_id TEXT, quantity INTEGER, price REAL, charges_units INTEGER, time_ns INTEGER
);
CREATE TABLE IF NOT EXISTS state (
    one INTEGER PRIMARY KEY CHECK (one = 1), made_ms INTEGER, order_number INTEGER, trade_number INTEGER, time_ns INTEGER, stage INTEGER
);
"""

_PUT_ORDER = f"INSERT OR REPLACE INTO orders VALUES ({', '.join('?' * 23)})"
_PUT_FILL = "INSERT INTO fills (trade_id, order_id, quantity, price, charges_units, time_ns) VALUES (?, ?, ?, ?, ?, ?)"
_PUT_INSTRUMENT = f"INSERT OR REPLACE INTO instruments VALUES ({', '.join('?' * 13)})"
_PUT_STATE = "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)"


class LedgerFile:
    """One SQLite file, or memory without a path; used on the thread that opened it.

    It runs in WAL mode with synchronous NORMAL: a killed process loses nothing, a power cut may lose the last commits of a simulation.
    """

    def __init__(self, path: Path | None, made_ns: int) -> None:
        """Open or make it; `made_ns`, the wall's time, marks a new file, so that its numbers never look like another's."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made before SQLite does, so that nobody else can read it, not even for a moment.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        self._db.execute("PRAGMA busy_timeout=5000")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        columns = {row[1] for row in self._db.execute("PRAGMA table_info(orders)")}
        for column in ("delay_bars", "is_sliced"):
            if column not in columns:
                self._db.execute(f"ALTER TABLE orders ADD COLUMN {column} INTEGER DEFAULT 0")
        self._known: set[str] = {key for (key,) in self._db.execute("SELECT key FROM instruments")}
        self._is_open = False
        self._read_state(made_ns)

    def _read_state(self, made_ns: int) -> None:
        row = self._db.execute("SELECT made_ms, order_number, trade_number, time_ns, stage FROM state").fetchone()
        state: tuple[int, ...] = row or (made_ns // 1_000_000, 0, 0, 0, 0)
        self._made_ms, self.order_number, self.trade_number = state[:3]
        self._at = (state[3], state[4])
        self.mark = np.base_repr(self._made_ms, 36)
        """Part of every number that the exchange gives, so that numbers of two files never look alike."""
        if row is None:
            self._begin()
            self.commit()

    @property
    def position(self) -> tuple[int, int]:
        """Return the market's time and stage as of the last commit that wrote something."""
        return self._at

    def be_at(self, time_ns: int, stage: int) -> None:
        """Note how far the market came; written together with the next change, for without a change nothing happened there."""
        self._at = (time_ns, stage)

    def put_order(self, order: ExchangeOrder) -> None:
        """Write an order as it stands."""
        self._begin()
        if order.instrument.key not in self._known:
            self._db.execute(_PUT_INSTRUMENT, _instrument_row(order.instrument))
            self._known.add(order.instrument.key)
        self._db.execute(_PUT_ORDER, _order_row(order))

    def put_fill(self, order_id: str, fill: BrokerFill, charges_units: int) -> None:
        """Write a fill, once: the same trade id again is an IntegrityError."""
        self._begin()
        self._db.execute(_PUT_FILL, (fill.trade_id, order_id, fill.quantity, fill.price, charges_units, fill.time_ns))

    def commit(self) -> None:
        """Make durable what was written, with the numbers given so far and the market's position."""
        if self._is_open:
            self._db.execute(_PUT_STATE, (self._made_ms, self.order_number, self.trade_number, *self._at))
            self._db.execute("COMMIT")
            self._is_open = False

    def orders(self) -> list[ExchangeOrder]:
        """Read all orders with their fills, in placing order."""
        instruments = {row[0]: _instrument(row) for row in self._db.execute("SELECT * FROM instruments")}
        rows = self._db.execute("SELECT * FROM orders ORDER BY number")
        orders = {row[0]: _order(row, instruments[row[3]]) for row in rows}
        for order_id, fill, _ in self.fills():
            orders[order_id].fills.append(fill)
        return list(orders.values())

    def fills(self) -> Iterator[tuple[str, BrokerFill, int]]:
        """Read (order id, fill, charges) of all fills, in the order they were made."""
        rows = self._db.execute("SELECT order_id, trade_id, quantity, price, time_ns, charges_units FROM fills ORDER BY number")
        return ((row[0], BrokerFill(row[1], row[2], row[3], row[4]), row[5]) for row in rows)

    def clear(self) -> None:
        """Forget everything but the numbers given: a replay begins anew."""
        self._begin()
        for table in ("orders", "fills"):
            self._db.execute(f"DELETE FROM {table}")
        self._at = (0, 0)
        self.commit()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._db.close()

    def _begin(self) -> None:
        if not self._is_open:
            self._db.execute("BEGIN IMMEDIATE")
            self._is_open = True


def _order_row(order: ExchangeOrder) -> tuple[Any, ...]:
    return (
        order.id,
        order.tag,
        order.number,
        order.instrument.key,
        int(order.side),
        order.quantity,
        str(order.order_type),
        str(order.product),
        str(order.validity),
        order.price,
        order.trigger_price,
        str(order.status),
        order.is_triggered,
        order.filled,
        order.value_units,
        order.charges_units,
        order.message,
        order.created_ns,
        order.updated_ns,
        order.placed_ns,
        order.placed_stage,
        order.delay_bars,
        order.is_sliced,
    )


def _order(row: tuple[Any, ...], instrument: Instrument) -> ExchangeOrder:
    return ExchangeOrder(
        row[0],
        row[1],
        row[2],
        instrument,
        Side(row[4]),
        row[5],
        OrderType(row[6]),
        Product(row[7]),
        Validity(row[8]),
        row[9],
        row[10],
        OrderStatus(row[11]),
        bool(row[12]),
        *row[13:],
    )


def _instrument_row(instrument: Instrument) -> tuple[Any, ...]:
    return (
        instrument.key,
        str(instrument.exchange),
        instrument.symbol,
        instrument.token,
        instrument.name,
        str(instrument.kind),
        str(instrument.tick_size),
        instrument.lot_size,
        instrument.multiplier,
        instrument.expiry.isoformat() if instrument.expiry else None,
        str(instrument.strike),
        instrument.has_derivatives,
        instrument.freeze_quantity,
    )


def _instrument(row: tuple[Any, ...]) -> Instrument:
    return Instrument(
        Exchange(row[1]),
        row[2],
        row[3],
        row[4],
        InstrumentKind(row[5]),
        Decimal(row[6]),
        row[7],
        row[8],
        date.fromisoformat(row[9]) if row[9] else None,
        Decimal(row[10]),
        bool(row[11]),
        row[12],
    )

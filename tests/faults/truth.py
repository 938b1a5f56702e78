"""What an exchange really has, held against what a killed terminal's database and the one after it have: what is lost, doubled, broken.

The exchange's own ledger is right. An order that never reached it and of which the terminal says that it does not know is no fault: it is
on screen, and looked up.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.kill_latch import KillLatch
from engine.store.journal import Tail, verify
from engine.store.rows import StoreFailed
from tests.kite_exchange.process import RunningExchange

UNITS = 10_000
OVER = frozenset({"COMPLETE", "FILLED", "CANCELLED", "REJECTED", "EXPIRED"})
NEVER_THERE = frozenset({"NOT_PLACED", "REJECTED", "UNKNOWN", "SENT", "OPERATOR"})
"""What the terminal may say of an order that the exchange does not have."""

Trade = tuple[str, str, int, Decimal]
"""Tag of its order, id, quantity, price."""


@dataclass(frozen=True, slots=True)
class Truth:
    """An exchange's ledger."""

    orders: tuple[tuple[str, int, bool], ...]
    """Tag, what has filled, whether it is over."""
    trades: tuple[Trade, ...]
    net: dict[str, int]


@dataclass(slots=True)
class Found:
    """What is wrong, by kind."""

    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.duplicates or self.lost or self.broken)

    def add(self, other: Found) -> None:
        """Take in what was found elsewhere."""
        self.duplicates += other.duplicates
        self.lost += other.lost
        self.broken += other.broken

    def lines(self) -> list[str]:
        """Return all of it, a sentence each."""
        return [*self.duplicates, *self.lost, *self.broken]


def of_kite(exchange: RunningExchange) -> Truth:
    """Read the Kite exchange's ledger."""
    told = exchange.control("ledger")
    tags = {one["order_id"]: one["tag"] for one in told["orders"]}
    return Truth(
        tuple((one["tag"], one["filled"], one["status"] in OVER) for one in told["orders"]),
        tuple((tags[one["order_id"]], one["trade_id"], one["quantity"], Decimal(str(one["price"]))) for one in told["trades"]),
        {f"{one['exchange']}:{one['tradingsymbol']}": one["net"] for one in told["positions"] if one["net"]},
    )


def of_simulated(file: Path) -> Truth:
    """Read the file of the simulated exchange."""
    orders = rows(file, "SELECT id, tag, key, side, filled, status FROM orders")
    tags = {one["id"]: one for one in orders}
    trades, net = [], Counter[str]()
    for one in rows(file, "SELECT order_id, trade_id, quantity, price FROM fills"):
        order = tags[one["order_id"]]
        trades.append((order["tag"], one["trade_id"], one["quantity"], Decimal(str(round(one["price"], 4)))))
        net[order["key"]] += order["side"] * one["quantity"]
    return Truth(
        tuple((one["tag"], one["filled"], one["status"] in OVER) for one in orders),
        tuple(trades),
        {key: held for key, held in net.items() if held},
    )


def rows(file: Path, query: str) -> list[dict[str, Any]]:
    """Read rows of a database that somebody else may be writing; none where it has not been made."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5.0)) as line:
        line.row_factory = sqlite3.Row
        has_tables = line.execute("SELECT 1 FROM sqlite_master WHERE type = 'table'").fetchone()
        return [dict(row) for row in line.execute(query)] if has_tables else []


@dataclass(slots=True)
class Left:
    """What a killed terminal left behind."""

    entries: int
    """Intents to open something."""
    is_latched: bool


class Books:
    """One data folder, over all its terminals."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._tail = Tail()

    def left(self) -> Left:
        """Look at what is on the disk."""
        kept = rows(self._database, "SELECT value FROM settings WHERE name = 'kill'")
        in_database = bool(kept and json.loads(kept[0]["value"]))
        return Left(self._entries(), KillLatch(self.home / "kill.latch").is_set or in_database)

    def chain(self) -> list[str]:
        """Say whether the journal's chain still holds; only what is new is walked over."""
        lines = rows(self._database, f"SELECT * FROM journal WHERE seq > {self._tail.seq} ORDER BY seq")
        try:
            self._tail = verify([SimpleNamespace(**line) for line in lines], self._tail)  # type: ignore[misc]
        except StoreFailed as failure:
            return [str(failure)]
        return [f"positions were taken over by line {line['seq']}: {line['payload']}" for line in lines if line["kind"] == "ADJUST"]

    def compare(self, truth: Truth, left: Left, told: dict[str, Any]) -> Found:
        """Hold the database, and what the terminal tells of itself, against the ledger."""
        found = Found(broken=list(told["broken"]))
        self._compare_orders(truth, found)
        self._compare_fills(truth, found)
        if (entries := self._entries()) != left.entries:
            found.duplicates.append(f"{entries - left.entries} entries were sent by the restart alone")
        if told["positions"] != truth.net:
            found.broken.append(f"it holds {told['positions']}, at the exchange {truth.net}")
        if left.is_latched and not (told["is_latched"] and told["state"] == "HALTED"):
            found.broken.append(f"the kill switch was latched, and the account is {told['state']}")
        return found

    def _compare_orders(self, truth: Truth, found: Found) -> None:
        ours = {one["id"]: one for one in rows(self._database, "SELECT id, status, filled FROM orders WHERE status != 'DENIED'")}
        intents = {one["order_id"] for one in rows(self._database, "SELECT order_id FROM journal WHERE kind = 'INTENT'")}
        counted = Counter(tag for tag, _, _ in truth.orders if tag)
        found.duplicates += [f"{count} orders at the exchange for the one attempt {tag}" for tag, count in counted.items() if count > 1]
        found.broken += [f"order {tag} was sent without an intent" for tag in counted.keys() - intents]
        for tag, filled, is_over in truth.orders:
            order = ours.pop(tag, None)
            if order is None:
                found.broken += [f"order {tag} is not known"] if tag else []
            elif order["filled"] != filled or (order["status"] in OVER) is not is_over:
                found.broken.append(
                    f"order {tag} is {order['status']} {order['filled']} here, there {filled} {'over' if is_over else 'alive'}"
                )
        found.broken += [
            f"order {one['id']} is {one['status']} here and never was there" for one in ours.values() if one["status"] not in NEVER_THERE
        ]

    def _compare_fills(self, truth: Truth, found: Found) -> None:
        ours: Counter[Trade] = Counter()
        for one in rows(self._database, "SELECT order_id, trade_id, quantity, price_units FROM fills"):
            ours[one["order_id"], one["trade_id"], one["quantity"], Decimal(one["price_units"]) / UNITS] += 1
        real = Counter(truth.trades)
        found.lost += [f"trade {trade} is lost" for trade in real - ours if trade[0]]
        found.broken += [f"trade {trade} did not happen, or is here twice" for trade in ours - real]

    def _entries(self) -> int:
        payloads = rows(self._database, "SELECT payload FROM journal WHERE kind = 'INTENT'")
        by_purpose: dict[str, int] = defaultdict(int)
        for one in payloads:
            by_purpose[json.loads(one["payload"])["purpose"]] += 1
        return by_purpose["entry"] + by_purpose["reversal"]

    @property
    def _database(self) -> Path:
        return self.home / "shikra.db"

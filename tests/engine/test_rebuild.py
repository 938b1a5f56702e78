"""The tables can be made anew of the order journal alone: nothing is missing, nothing is guessed, and a changed line is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.friction import Friction
from engine.core.model import (
    EXTERNAL,
    HAND,
    BrokerFill,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Product,
    Purpose,
    Side,
)
from engine.core.registry import TEMPLATES
from engine.inferred_fills import settled
from engine.owners import Owners
from engine.store import JournalEntry, Store, StoreFailed
from engine.store.comparison import Comparison, compare
from tests.engine.fakes import RELIANCE, TCS, a_fill
from tests.engine.sessions import SessionBench, turns
from tests.engine.test_parity import DICE, market, run_it, share

pytestmark = pytest.mark.logs_warnings

Run = Callable[[Any], Any]
TABLES = ("orders", "fills", "positions", "trades")


async def a_day(folder: Path) -> None:
    """Trade what an account trades: several owners, parts, reversals, protection, changes, cancels, and what comes from elsewhere."""
    store = Store.open(folder / "shikra.db")
    bench = await SessionBench(store=store, limits={"max_order_quantity": 500.0}).open()  # type: ignore[arg-type]
    session = bench.session
    first = bench.submit(1, 10, stop=95.0, target=110.0)
    await bench.settle()
    bench.fill(first, 100.0, 4)
    bench.fill(first, 100.05)
    await bench.settle()
    (target,) = bench.working(Purpose.TARGET)
    bench.fill(target, 110.0, 3)
    await bench.settle()
    turned = bench.submit(-1, 15, owner="ema", reference_price=101.0)
    await bench.settle()
    bench.fill(turned, 101.0)
    back = bench.submit(1, 30, owner="ema", purpose=Purpose.REVERSAL)
    await bench.settle()
    bench.fill(back, 99.5)
    rests = bench.submit(1, 7, price=97.0)
    await bench.settle()
    session.modify(rests.id, OrderChange(quantity=9, price=96.5))
    await bench.settle()
    gone = bench.submit(1, 2, price=90.0)
    await bench.settle()
    session.cancel(gone.id)
    await bench.settle()
    assert bench.submit(1, 501).status is OrderStatus.DENIED
    elsewhere = OrderRequest(TCS, Side.BUY, 5, OrderType.MARKET, Product.MIS, owner=EXTERNAL)
    bought = BrokerFill("XT", 5, 3_000.0, bench.broker.clock.now_ns())
    session.on_order_update(OrderUpdate("X1", "", OrderStatus.FILLED, 5, (bought,), request=elsewhere))
    session.orders.adjust(a_fill(-1, 1, 100.0, trade_id="adjusted", order_id="", owner=EXTERNAL))
    Owners(session, bench.view).assign("NSE:TCS", Product.MIS, EXTERNAL, HAND, 2)
    await turns()
    await bench.close()
    store.close()


@pytest.fixture
def folder(tmp_path: Path, loop_run: Run) -> Path:
    loop_run(a_day(tmp_path))
    return tmp_path


def looked(folder: Path, *, mend: bool = False) -> Comparison:
    return compare(folder / "shikra.db", settled, mend=mend)


def rows(folder: Path) -> dict[str, list[Any]]:
    """Read the tables, but what a rebuild does not give: row numbers and reservations."""
    line = sqlite3.connect(folder / "shikra.db")
    line.row_factory = sqlite3.Row
    found = {}
    for table in TABLES:
        kept = [dict(row) for row in line.execute(f"SELECT * FROM {table}")]
        for row in kept:
            row.pop("seq", None)
            row.pop("reservation", None)
        found[table] = kept if table == "fills" else sorted(kept, key=repr)
    line.close()
    return found


def spoil(folder: Path, *statements: str) -> None:
    line = sqlite3.connect(folder / "shikra.db")
    for statement in statements:
        line.execute(statement)
    line.commit()
    line.close()


def doubled(folder: Path, table: str, which: str, **changes: Any) -> None:
    """Put a row into a table a second time, with changes."""
    line = sqlite3.connect(folder / "shikra.db")
    line.row_factory = sqlite3.Row
    row = dict(line.execute(f"SELECT * FROM {table} WHERE {which}").fetchone()) | changes
    line.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    line.commit()
    line.close()


def test_a_day_s_tables_are_what_its_journal_says(folder: Path) -> None:
    made = looked(folder)
    assert made.differences == []
    assert made.of_old == []
    assert made.orders >= 9
    assert made.fills >= 9


@pytest.mark.parametrize("seed", [3, 11])
def test_a_strategy_s_days_are_what_their_journal_says(loop_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    TEMPLATES.load()
    monkeypatch.setitem(TEMPLATES._items, "dice", DICE)
    rng = np.random.default_rng(seed)
    bars = {share(symbol, token, 5): market(rng, 2, 0.1)[:300] for token, symbol in enumerate(["RELIANCE", "TCS"], 1)}
    strategy = {
        "name": "dice", "strategy_type": "dice", "symbols": ["RELIANCE", "TCS"], "product": "MIS", "sizing": "fixed:12",
        "parameters": {"seed": seed, "often": 0.3},
    }  # fmt: skip
    friction = Friction(participation=0.01, latency_bars=1, slippage_bps=3.0)
    fills, _, _ = loop_run(run_it(bars, strategy, {"capital": 100_000.0}, {"friction": friction}, tmp_path))
    made = looked(tmp_path)
    assert made.differences == []
    assert made.fills == len(fills) > 50
    before = rows(tmp_path)
    spoil(tmp_path, *(f"DELETE FROM {table}" for table in TABLES))
    looked(tmp_path, mend=True)
    assert rows(tmp_path) == before


def test_tables_that_are_gone_are_made_anew_to_the_paisa(folder: Path) -> None:
    before = rows(folder)
    assert all(before.values())
    spoil(folder, *(f"DELETE FROM {table}" for table in TABLES))
    assert {one.table for one in looked(folder).differences} == set(TABLES)
    assert not any(rows(folder).values()), "looking changes nothing"
    assert looked(folder, mend=True).differences
    assert rows(folder) == before
    assert looked(folder).differences == []


def test_what_was_altered_is_named_and_put_right(folder: Path) -> None:
    before = rows(folder)
    spoil(
        folder,
        "UPDATE orders SET status = 'OPEN', filled = 0 WHERE status = 'FILLED' AND owner = 'ema' AND side = -1",
        "UPDATE fills SET price_units = price_units + 100 WHERE trade_id = 'XT'",
        "UPDATE positions SET quantity = 99 WHERE owner = 'ema'",
        "DELETE FROM trades",
    )
    doubled(folder, "fills", "trade_id = 'XT'", seq=1_000, trade_id="made up")
    doubled(folder, "positions", "owner = 'ema'", owner="nobody")
    named = {(one.table, one.column) for one in looked(folder).differences}
    assert {
        ("orders", "status"),
        ("orders", "filled"),
        ("fills", "price_units"),
        ("fills", ""),
        ("positions", "quantity"),
        ("trades", ""),
    } <= named
    looked(folder, mend=True)
    assert rows(folder) == before


def test_executions_the_journal_does_not_know_of_stay(folder: Path, loop_run: Run) -> None:
    store = Store.open(folder / "shikra.db")
    store.account = next(entry.account for entry in store.journal())
    store.write(a_fill(1, 3, 50.0, trade_id="taken in", order_id="of a tradebook", owner=EXTERNAL, instrument=TCS))
    store.close()
    looked(folder, mend=True)
    assert [row["trade_id"] for row in rows(folder)["fills"] if row["order_id"] == "of a tradebook"] == ["taken in"]


def test_a_line_that_was_changed_is_refused_and_nothing_is_written(folder: Path) -> None:
    spoil(folder, "DROP TRIGGER journal_no_update", "UPDATE journal SET payload = '{}' WHERE seq = 3", "DELETE FROM trades")
    before = rows(folder)
    with pytest.raises(StoreFailed, match="3"):
        looked(folder, mend=True)
    assert rows(folder) == before


def test_orders_of_an_older_shikra_are_named_and_left_alone(folder: Path) -> None:
    store = Store.open(folder / "shikra.db")
    store.account = next(entry.account for entry in store.journal())
    old = {"key": RELIANCE.key, "owner": HAND, "side": 1, "quantity": 5, "order_type": "MARKET", "product": "MIS", "price": None}
    store.write(JournalEntry(1, "INTENT", "OLD", old), JournalEntry(2, "UPDATE", "OLD", {"status": "FILLED", "trades": [["t", 5, 100.0]]}))
    store.close()
    doubled(folder, "orders", "owner = 'ema' LIMIT 1", id="OLD")
    made = looked(folder, mend=True)
    assert made.of_old == ["OLD"]
    assert made.differences == []
    assert "OLD" in {row["id"] for row in rows(folder)["orders"]}


def test_each_line_says_all_there_is_to_say_as_json(folder: Path) -> None:
    line = sqlite3.connect(folder / "shikra.db")
    told = [(kind, json.loads(payload)) for kind, payload in line.execute("SELECT kind, payload FROM journal WHERE order_id <> ''")]
    line.close()
    assert all("now" in payload for kind, payload in told if kind not in ("INTENT", "SENT"))
    assert sum(len(payload.get("booked", ())) for _, payload in told) >= 6

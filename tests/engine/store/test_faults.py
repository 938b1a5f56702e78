"""A database that is locked, full or not to be written: whoever waits is told no, what happens is kept and is in it afterwards, once."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from engine.store import (
    AccountDay,
    AlertRow,
    JournalEntry,
    SessionRow,
    Setting,
    Store,
    StoreFailed,
    StrategyRemoved,
    StrategyRow,
    StudyRow,
    TrialRow,
    database,
    writer,
)
from engine.store.spill import from_line, to_line

Run = Callable[[Coroutine[Any, Any, Any]], Any]

pytestmark = pytest.mark.logs_warnings


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 30)
    monkeypatch.setattr(writer, "AGAIN_S", 0.01)


def spill_of(file: Path) -> Path:
    return file.with_name(file.name + ".spill")


def hold(file: Path) -> sqlite3.Connection:
    """Lock the database as another process does."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for the writing thread."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110  # a thread's doing, which has no event for us
            await asyncio.sleep(0.002)


async def until_well(store: Store) -> None:
    """Wait until the database takes rows again."""
    await until(lambda: store.failure is None)


def happen(store: Store, nouns: Any, count: int) -> None:
    """Let the broker tell of executions, which are not to be lost, whatever the database says."""
    for number in range(count):
        with pytest.raises(StoreFailed, match="written once that is mended"):
            store.write(JournalEntry(number, "UPDATE", "R1"), nouns.fill(f"t{number}"))


def test_a_locked_database_stops_orders_and_loses_nothing(file: Path, nouns: Any, loop_run: Run) -> None:
    store = Store.open(file)
    store.account = "AB1234"

    async def run() -> int:
        await store.commit(JournalEntry(1, "INTENT", "R1"))
        other = hold(file)
        waiting, turns = store.commit(nouns.order("R2"), JournalEntry(2, "INTENT", "R2")), 0
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)
        with pytest.raises(StoreFailed, match="did not take it: database is locked"):
            await waiting
        happen(store, nouns, 3)
        with pytest.raises(StoreFailed):
            await store.commit(JournalEntry(3, "INTENT", "R3"))
        await until(spill_of(file).exists)
        other.execute("ROLLBACK")
        other.close()
        await until_well(store)
        await store.commit(JournalEntry(4, "INTENT", "R4"))
        return turns

    assert loop_run(run()) > 20, "the loop goes on while the writer waits for the lock"
    assert [entry.kind for entry in store.journal()] == ["INTENT", "UPDATE", "UPDATE", "UPDATE", "INTENT"]
    assert [fill.trade_id for fill in store.fills("AB1234")] == ["t0", "t1", "t2"]
    assert store.orders("AB1234") == [], "what was told no is not written later"
    assert store.verify_journal() == 5
    assert not spill_of(file).exists()
    store.close()


def test_a_lock_that_is_let_go_in_time_harms_nobody(file: Path, monkeypatch: pytest.MonkeyPatch, loop_run: Run) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 20_000)
    store = Store.open(file)

    async def run() -> None:
        other = hold(file)
        waiting = store.commit(JournalEntry(1, "INTENT"))
        for _ in range(200):
            await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("ROLLBACK")
        other.close()
        await waiting

    loop_run(run())
    assert store.failure is None
    store.close()


@pytest.mark.parametrize(("pragma", "said"), [("max_page_count=1", "full"), ("query_only=ON", "readonly")])
def test_a_disk_that_takes_nothing_loses_nothing(file: Path, nouns: Any, loop_run: Run, pragma: str, said: str) -> None:
    Store.open(file).close()
    store = Store.open(file)
    store.account = "AB1234"
    is_bad = [True]

    @event.listens_for(store._engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        if is_bad:
            connection.execute(f"PRAGMA {pragma}")

    async def run() -> None:
        long = JournalEntry(1, "INTENT", "R1", {"text": "x" * 100_000})
        with pytest.raises(StoreFailed, match=said):
            await store.commit(long)
        happen(store, nouns, 2)
        is_bad.clear()
        await until_well(store)
        await store.commit(long)

    loop_run(run())
    assert [entry.kind for entry in store.journal()] == ["UPDATE", "UPDATE", "INTENT"]
    assert len(store.fills("AB1234")) == 2
    store.close()


def break_writes(file: Path) -> int:
    """Let this process write to a file no more, through whatever it has open of it; returns how many were."""
    broken = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.readlink(link) == str(file):
                read_only = os.open(file, os.O_RDONLY)
                os.dup2(read_only, int(link.name))
                os.close(read_only)
                broken += 1
    return broken


@pytest.mark.skipif(sys.platform != "linux", reason="takes files from under SQLite as Linux shows them")
def test_a_disk_that_fails_in_the_middle_loses_nothing(file: Path, nouns: Any, loop_run: Run) -> None:
    store = Store.open(file)
    store.account = "AB1234"

    async def run() -> None:
        await store.commit(JournalEntry(1, "INTENT", "R1"), nouns.order("R1"))
        assert break_writes(file.with_name(file.name + "-wal")) > 0
        with pytest.raises(StoreFailed, match="I/O error"):
            await store.commit(JournalEntry(2, "INTENT", "R2"), nouns.order("R2"))
        with suppress(StoreFailed):
            store.write(JournalEntry(3, "UPDATE", "R1"), nouns.fill("t1"))
        await until_well(store)
        await store.commit(JournalEntry(4, "INTENT", "R3"))

    loop_run(run())
    assert [entry.kind for entry in store.journal()] == ["INTENT", "UPDATE", "INTENT"]
    assert [order.id for order in store.orders("AB1234")] == ["R1"], "what was told no is not written later"
    assert [fill.trade_id for fill in store.fills("AB1234")] == ["t1"]
    assert store.verify_journal() == 3
    store.close()


def test_rows_wait_in_memory_where_no_file_can_be_written(file: Path, nouns: Any, loop_run: Run) -> None:
    store = Store.open(file)
    store.account = "AB1234"
    spill_of(file).mkdir()

    async def run() -> None:
        other = hold(file)
        store.write(nouns.fill("first"))
        with pytest.raises(StoreFailed):
            await store.flush()
        with pytest.raises(StoreFailed, match="in memory alone"):
            store.write(nouns.fill("second"))
        other.execute("ROLLBACK")
        other.close()
        await until_well(store)

    loop_run(run())
    assert [fill.trade_id for fill in store.fills("AB1234")] == ["first", "second"]
    store.close()


def left_behind(file: Path, nouns: Any, loop_run: Run) -> None:
    """Let a terminal end while the database is locked."""
    store = Store.open(file)
    store.account = "AB1234"

    async def run() -> None:
        other = hold(file)
        with pytest.raises(StoreFailed):
            await store.commit(JournalEntry(1, "INTENT"))
        happen(store, nouns, 2)
        with pytest.raises(StoreFailed):
            await asyncio.to_thread(store.close)
        other.execute("ROLLBACK")
        other.close()

    loop_run(run())


def test_what_a_terminal_left_behind_is_taken_in_at_the_next_start_once(file: Path, nouns: Any, loop_run: Run) -> None:
    left_behind(file, nouns, loop_run)
    spill = spill_of(file)
    if sys.platform != "win32":
        assert stat.S_IMODE(spill.stat().st_mode) == 0o600
    shutil.copy(spill, kept := file.with_name("kept"))
    for _ in range(2):
        store = Store.open(file)
        assert [fill.trade_id for fill in store.fills("AB1234")] == ["t0", "t1"]
        assert [entry.account for entry in store.journal()] == ["AB1234"] * 2
        assert store.verify_journal() == 2
        store.close()
        assert not spill.exists()
        shutil.copy(kept, spill)  # as after a power cut between the commit and the file's end


def test_a_line_that_was_cut_off_is_left_out(file: Path, nouns: Any, loop_run: Run) -> None:
    left_behind(file, nouns, loop_run)
    whole = spill_of(file).read_text(encoding="utf-8")
    spill_of(file).write_text(whole + to_line("AB1234", nouns.fill("t9"))[:-10], encoding="utf-8")
    store = Store.open(file)
    assert [fill.trade_id for fill in store.fills("AB1234")] == ["t0", "t1"]
    store.close()


def test_a_database_that_still_takes_nothing_is_told_at_the_start(file: Path, nouns: Any, loop_run: Run) -> None:
    left_behind(file, nouns, loop_run)
    connection = sqlite3.connect(file)
    connection.execute("DROP TABLE fills")
    connection.close()
    with pytest.raises(StoreFailed, match="Expected to take in what waits in"):
        Store.open(file)
    assert spill_of(file).exists()


def test_every_kind_of_row_comes_back_from_a_line(nouns: Any) -> None:
    day = AccountDay("AB1234", date(2026, 8, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9, "REDUCING", "daily loss")
    rows = [
        nouns.order(), nouns.fill(), nouns.trade(), nouns.position(), replace(nouns.order(), price=None), day,
        JournalEntry(1, "ACK", "R1", {"ü": [1]}),
        SessionRow("s1", "AB1234", "paper", "simulated", 1, None, {"file": "x.csv"}), Setting("theme", {"size": 11.5}),
        StrategyRemoved("e1"),
        StrategyRow("e1", "EMA", "ema_crossover", {"fast_ema": 9}, "paper", "PAUSED", b"\x00\x01", "my own", ("TCS",), {"sizing": "risk"}),
        AlertRow("a1", "alert", 1, {"value": 1.5}), StudyRow(7, "night", "ema_crossover", "grid", 3, 1_000),
        TrialRow(7, 0, 4, (1.5, 2.0), 100, 3, "", b"\x07"),
    ]  # fmt: skip
    assert [from_line(to_line("AB1234", row)) for row in rows] == [("AB1234", row) for row in rows]


def test_what_was_committed_outlives_a_power_cut(file: Path, tmp_path: Path, loop_run: Run) -> None:
    store = Store.open(file)
    after = tmp_path / "after" / file.name
    after.parent.mkdir()

    async def run() -> None:
        for number in range(1, 6):
            await store.commit(JournalEntry(number, "INTENT", f"R{number}"))
        for part in (file, file.with_name(file.name + "-wal")):
            shutil.copy(part, after.with_name(part.name))

    loop_run(run())
    store.close()
    again = Store.open(after)
    assert [entry.order_id for entry in again.journal()] == ["R1", "R2", "R3", "R4", "R5"]
    assert again.verify_journal() == 5
    again.close()

"""What only a PostgreSQL server can do: cut the journal short, end a connection, and be shared by terminals; and a whole run on it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from engine.store import JournalEntry, Store, StoreFailed
from engine.store.database import HEAD, connect, to_url, version_of
from terminal.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_the_server_is_a_real_one_with_our_tables(url: str) -> None:
    engine = connect(to_url(url))
    with engine.connect() as connection:
        assert str(connection.exec_driver_sql("SELECT version()").scalar()).startswith("PostgreSQL")
        assert version_of(connection) == HEAD
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    engine.dispose()


def test_two_terminals_on_one_server_keep_one_chain(url: str, loop_run: Run) -> None:
    one, two = Store.open(url), Store.open(url)

    async def run() -> None:
        await asyncio.gather(*(store.commit(JournalEntry(n, name)) for n in range(20) for store, name in ((one, "one"), (two, "two"))))

    loop_run(run())
    assert one.verify_journal() == 40
    one.close()
    two.close()


def test_the_journal_cannot_be_emptied_either(url: str) -> None:
    store = Store.open(url)
    store.write(JournalEntry(1, "INTENT"))
    store.close()
    engine = connect(to_url(url))
    with engine.connect() as connection, pytest.raises(SQLAlchemyError, match="only grows"):
        connection.execute(text("TRUNCATE journal"))
    engine.dispose()


@pytest.mark.logs_warnings
def test_a_server_that_hangs_up_fails_the_commit_that_waits_and_is_asked_again(url: str, loop_run: Run) -> None:
    store = Store.open(url)

    async def run() -> None:
        await store.commit(JournalEntry(1, "INTENT"))
        engine = create_engine(to_url(url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(others)).all()
        engine.dispose()
        with pytest.raises(StoreFailed, match="did not take it"):
            await store.commit(JournalEntry(2, "SENT"))
        with pytest.raises(StoreFailed, match="is kept in memory alone and written once that is mended"):
            store.write(JournalEntry(3, "FILLED"))

    loop_run(run())
    store.close()
    again = Store.open(url)
    assert [entry.kind for entry in again.journal()] == ["INTENT", "FILLED"], "what was told no is not written later"
    assert again.verify_journal() == 2
    again.close()


def test_a_whole_run_trades_on_the_server_as_it_does_on_a_file(url: str, tmp_path: Path) -> None:
    data = tmp_path / "data" / "bars.csv"
    data.parent.mkdir()
    closes = [100 + 3 * ((minute // 9) % 2) + 0.05 * minute for minute in range(120)]
    lines = [f"2026-08-03 {10 + m // 60:02d}:{m % 60:02d}:00,{c:.2f},{c + 1:.2f},{c - 1:.2f},{c:.2f},1000" for m, c in enumerate(closes)]
    data.write_text("\n".join(["datetime,open,high,low,close,volume", *lines]) + "\n", encoding="utf-8")
    told = []
    for number, database in enumerate(("", url)):
        home = tmp_path / str(number)
        Settings(home / "settings.toml", {"database": database}).save()
        words = ("run", "--strategy", "ema_crossover", "--param", "warmup=25", "--symbols", "TCS", "--replay", str(data), "--json")
        done = subprocess.run(
            [sys.executable, "main.py", *words], cwd=ROOT, env=os.environ | {"SHIKRA_HOME": str(home)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))
    on_file, on_server = told
    assert on_file["fills"]
    assert on_server["net_pnl"] == on_file["net_pnl"]
    assert [fill["price"] for fill in on_server["fills"]] == [fill["price"] for fill in on_file["fills"]]
    assert not (tmp_path / "1" / "shikra.db").exists()
    store = Store.open(url)
    assert len(store.fills(on_server["account"])) == len(on_server["fills"])
    assert store.verify_journal() > len(on_server["fills"])
    store.close()

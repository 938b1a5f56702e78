"""The journal by the command line: shown, filtered, and proven whole beside a running terminal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.core.errors import UserError
from engine.safety.instance import InstanceLock
from engine.store import JournalEntry, Store, StoreFailed
from terminal import VERSION
from terminal.cli.arguments import parser
from terminal.cli.journal import journal
from tests.engine.sessions import SessionBench

Say = Callable[..., str]
NOON_NS = 1_795_415_400_000_000_000  # 2026-11-23 12:00 in India


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs `journal` with some words and returns what it printed."""

    def run(*words: str) -> str:
        assert journal(parser(VERSION).parse(["journal", *words, "--data-dir", str(tmp_path)])) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an open database with three lines about two orders."""
    store = Store.open(tmp_path / "shikra.db")
    store.account = "paper"
    store.write(JournalEntry(NOON_NS, "INTENT", "P1", {"key": "NSE:TCS", "quantity": 5, "price": None}))
    store.write(JournalEntry(NOON_NS + 1_000_000, "SENT", "P1", {"broker": "paper"}))
    store.write(JournalEntry(NOON_NS + 2_000_000, "INTENT", "P2", {"trades": [["T1", 5, 100.05]]}))
    store.close()
    store = Store.open(tmp_path / "shikra.db")
    yield store
    store.close()


def test_the_last_lines_are_shown_oldest_first(say: Say, store: Store) -> None:
    shown = say("show").splitlines()
    assert len(shown) == 3
    assert shown[0].split() == ["1", "2026-11-23", "12:00:00.000000", "INTENT", "P1", "key=NSE:TCS", "quantity=5"]
    assert 'trades=[["T1", 5, 100.05]]' in shown[2]
    assert say("show", "--limit", "1").splitlines() == shown[2:]


def test_lines_are_chosen_by_order_and_kind(say: Say, store: Store) -> None:
    assert [json.loads(line)["seq"] for line in say("show", "--order", "P1", "--json").splitlines()] == [1, 2]
    assert [json.loads(line)["order"] for line in say("show", "--kind", "intent", "--json").splitlines()] == ["P1", "P2"]
    (line,) = say("show", "--kind", "SENT", "--kind", "KILL", "--json").splitlines()
    told = {"seq": 2, "time": "2026-11-23T12:00:00.001000+05:30", "kind": "SENT", "order": "P1", "payload": {"broker": "paper"}}
    assert json.loads(line) == told


def test_a_whole_journal_is_told_as_such_beside_its_writer(say: Say, store: Store) -> None:
    assert say("verify") == "3 lines, each as it was written.\n"
    assert json.loads(say("verify", "--json")) == {"lines": 3, "whole": True}


def test_the_first_line_that_was_changed_is_named(say: Say, store: Store, tmp_path: Path) -> None:
    line = sqlite3.connect(tmp_path / "shikra.db")
    line.execute("DROP TRIGGER journal_no_update")
    line.execute("UPDATE journal SET payload = '{}' WHERE seq = 2")
    line.commit()
    line.close()
    with pytest.raises(StoreFailed, match="Expected line 2 of the journal as it was written"):
        say("verify")


def test_what_is_no_database_is_told(say: Say, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="was none; it is made by the first start"):
        say("verify")
    line = sqlite3.connect(tmp_path / "shikra.db")
    line.execute("CREATE TABLE other (x)")
    line.close()
    with pytest.raises(StoreFailed, match="Expected a database of Shikra"):
        say("verify")
    (tmp_path / "shikra.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreFailed, match="cannot be read"):
        say("show")


def test_tables_are_held_against_the_journal_and_put_right_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], loop_run: Callable[..., None]
) -> None:
    def rebuild(*words: str) -> tuple[int, str]:
        code = journal(parser(VERSION).parse(["journal", "rebuild", *words, "--data-dir", str(tmp_path)]))
        return code, capsys.readouterr().out

    async def trade() -> None:
        store = Store.open(tmp_path / "shikra.db")
        bench = await SessionBench(store=store).open()  # type: ignore[arg-type]
        await bench.entered(1, 10, 100.0)
        await bench.close()
        store.close()

    loop_run(trade())
    assert rebuild() == (0, "6 lines tell of 1 orders and 1 executions.\nOrders, trades and positions are what the journal says.\n")
    line = sqlite3.connect(tmp_path / "shikra.db")
    line.execute("UPDATE orders SET filled = 3")
    line.commit()
    line.close()
    code, said = rebuild()
    assert code == 1
    assert "filled is 3, the journal says 10" in said
    assert "rebuild --apply` puts them right" in said
    (lock := InstanceLock(tmp_path)).take()
    with pytest.raises(UserError, match="terminal"):
        rebuild("--apply")
    lock.release()
    code, said = rebuild("--json")
    assert (code, json.loads(said)["applied"], len(json.loads(said)["differences"])) == (1, False, 1)
    code, said = rebuild("--apply")
    (copy,) = (tmp_path / "backups").iterdir()
    assert code == 0
    assert f"1 differences were put right. What was there before lies in {copy}." in said
    assert rebuild()[0] == 0


def test_only_a_rebuild_is_applied(say: Say, store: Store) -> None:
    with pytest.raises(UserError, match="with rebuild only"):
        say("verify", "--apply")

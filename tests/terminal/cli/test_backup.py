"""Backups by the command line: made, listed, put back, and never under a running terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.errors import InvalidOption, UserError
from engine.safety.instance import InstanceLock
from engine.store import Setting, Store
from terminal import VERSION
from terminal.cli.arguments import parser
from terminal.cli.backup import backup
from terminal.settings import Settings

Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs `backup` with some words and returns what it printed."""

    def run(*words: str) -> str:
        assert backup(parser(VERSION).parse(["backup", *words, "--data-dir", str(tmp_path)])) == 0
        return capsys.readouterr().out

    return run


def keep(folder: Path, value: str) -> None:
    store = Store.open(folder / "shikra.db")
    store.write(Setting("kept", value))
    store.close()


def kept(folder: Path) -> object:
    store = Store.open(folder / "shikra.db")
    found = store.settings()["kept"]
    store.close()
    return found


def test_a_copy_is_made_listed_and_put_back(tmp_path: Path, say: Say) -> None:
    assert "There is no backup yet" in say("list")
    keep(tmp_path, "old")
    made = json.loads(say("make", "--json"))
    assert Path(made["file"]).stat().st_size == made["bytes"]
    assert made["file"] in say("list")
    assert json.loads(say("list", "--json")) == [made]
    keep(tmp_path, "new")
    said = say("restore")
    assert f"{made['file']} is the database now" in said
    assert "set-aside" in said
    assert kept(tmp_path) == "old"
    told = json.loads(say("restore", made["file"], "--json"))
    assert told["restored"] == made["file"]
    assert Path(told["set_aside"]).exists()


def test_nothing_is_put_back_under_a_running_terminal(tmp_path: Path, say: Say) -> None:
    keep(tmp_path, "old")
    say("make")
    keep(tmp_path, "new")
    lock = InstanceLock(tmp_path)
    lock.take()
    with pytest.raises(UserError, match="trades there"):
        say("restore")
    say("make")
    lock.release()
    assert kept(tmp_path) == "new"


def test_what_is_not_there_is_told(tmp_path: Path, say: Say) -> None:
    with pytest.raises(UserError, match="it is made by the first start"):
        say("make")
    with pytest.raises(UserError, match="Expected a backup that is whole, was none"):
        say("restore")
    with pytest.raises(InvalidOption, match="Unknown what"):
        say("mend")


def test_a_servers_database_is_left_to_the_server(tmp_path: Path, say: Say) -> None:
    Settings.load(tmp_path).change(database="postgresql://user@host/name")
    with pytest.raises(UserError, match="pg_dump"):
        say("list")

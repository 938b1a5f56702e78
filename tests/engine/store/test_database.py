"""The database is private, is brought up to date when opened, and says plainly why it cannot be."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.core.errors import InvalidOption
from engine.store import JournalEntry, Store, StoreFailed, database
from engine.store.database import HEAD, connect, to_url
from engine.store.models import Base


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_for_its_owner_alone(file: Path) -> None:
    Store.open(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_that_others_could_read_is_closed_to_them(file: Path) -> None:
    file.parent.mkdir()
    file.touch(0o644)
    Store.open(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_commit_is_synced_and_readers_are_not_in_the_way(file: Path) -> None:
    Store.open(file).close()
    engine = connect(to_url(file))
    with engine.connect() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    engine.dispose()
    assert values == ["wal", 2, 5000, 1]


def test_the_migrations_make_exactly_the_tables_of_the_models(file: Path) -> None:
    Store.open(file).close()
    engine = connect(to_url(file))
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_we_ask_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_database_that_is_up_to_date_is_opened_without_the_migrations(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(file).close()
    monkeypatch.setitem(sys.modules, "alembic", None)
    Store.open(file).close()


def test_the_first_tables_are_never_taken_back(file: Path) -> None:
    from alembic import command

    Store.open(file).close()
    engine = connect(to_url(file))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        with pytest.raises(RuntimeError, match="move the database aside"):
            command.downgrade(config, "base")
    engine.dispose()


def test_a_database_of_a_newer_shikra_is_left_alone(file: Path) -> None:
    Store.open(file).close()
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreFailed, match="a newer Shikra made it"):
        Store.open(file)


def test_a_file_that_is_no_database_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"time,open,high,low,close\n" * 100)
    with pytest.raises(StoreFailed, match=r"shikra.db, but: file is not a database; mend it or move it aside"):
        Store.open(file)
    assert file.read_bytes().startswith(b"time,open")


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="Expected to open the database"):
        Store.open(tmp_path)


def test_a_damaged_file_is_found_after_a_crash(file: Path) -> None:
    store = Store.open(file)
    store.write(*(JournalEntry(n, "INTENT", f"R{n}", {"text": "x" * 200}) for n in range(500)))
    store.close()
    raw = bytearray(file.read_bytes())
    raw[-4096:-3896] = b"\xff" * 200
    file.write_bytes(raw)
    Store.open(file).close()  # what nobody looks at is not found at every start
    file.with_name(file.name + "-wal").write_bytes(b"\0" * 32)
    with pytest.raises(StoreFailed, match="but: it is damaged"):
        Store.open(file)


def test_readers_cannot_write(file: Path) -> None:
    Store.open(file).close()
    engine = connect(to_url(file), read_only=True)
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("INSERT INTO settings VALUES ('a', '1')")
    engine.dispose()


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("://", "Expected a path or a URL"),
        ("mysql://root@localhost/x", "Expected an SQLite or a PostgreSQL database, was mysql"),
        ("sqlite://", "was one in memory"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused(location: str, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        Store.open(location)


def test_a_missing_driver_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidOption, match=r"install shikra\[postgres\]"):
        Store.open("postgresql://nobody@localhost/x")


def test_a_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreFailed) as caught:
        Store.open("postgres://trader:hush@127.0.0.1:1/shikra")
    assert "hush" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_path_may_be_given_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store.open("deep/down/s.db").close()
    assert (tmp_path / "deep/down/s.db").is_file()
    Store.open(f"sqlite:///{tmp_path}/s2.db").close()
    assert os.access(tmp_path / "s2.db", os.R_OK)

"""A damaged database is put aside untouched and told; one that is only locked, or of a newer Shikra, is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.safety.backups import Backups
from engine.safety.opening import open_store
from engine.store import JournalEntry, StoreFailed, database
from engine.store.database import HEAD

pytestmark = pytest.mark.logs_warnings
Fill = Callable[..., Path]


def settings_of(file: Path, wall: ManualClock) -> tuple[dict[str, object], str]:
    """Open, read the settings, close; returns them and why nothing new may be risked."""
    opened = open_store(file, wall)
    found = opened.store.settings()
    opened.store.close()
    return found, opened.why


def half_torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(4096, len(content), 4096):
        content[place : place + 64] = bytes(byte ^ 0xFF for byte in content[place : place + 64])
    file.write_bytes(content)


def no_database(file: Path) -> None:
    file.write_bytes(b"This was a shopping list." * 400)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def changed_afterwards(file: Path) -> None:
    line = sqlite3.connect(file)
    line.execute("DROP TRIGGER journal_no_update")
    line.execute("UPDATE journal SET payload = '{}' WHERE seq = 42")
    line.commit()
    line.close()


def line_lost(file: Path) -> None:
    line = sqlite3.connect(file)
    line.execute("DROP TRIGGER journal_no_delete")
    line.execute("DELETE FROM journal WHERE seq = 42")
    line.commit()
    line.close()


DAMAGE = (half_torn, flipped, no_database, emptied, changed_afterwards, line_lost)


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_newest_good_backup_takes_the_place_of_a_damaged_database(
    tmp_path: Path, wall: ManualClock, fill_up: Fill, damage: Callable[[Path], None]
) -> None:
    file = fill_up(tmp_path / "shikra.db", value="of the backup")
    Backups(file, wall).make()
    fill_up(file, lines=10, value="of today")
    damage(file)
    as_found = file.read_bytes()
    wall.advance(3_600)
    found, why = settings_of(file, wall)
    assert found == {"kept": "of the backup"}
    assert "the database was damaged" in why
    assert "the backup of 23 Nov 12:00 takes its place" in why
    (aside,) = (tmp_path / "set-aside").glob("*/shikra.db")
    assert aside.read_bytes() == as_found, "the original is untouched"
    assert str(aside) in why
    assert settings_of(file, wall) == ({"kept": "of the backup"}, "")


def test_without_a_backup_an_empty_one_takes_its_place(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    flipped(file)
    found, why = settings_of(file, wall)
    assert found == {}
    assert "an empty one takes its place" in why


def test_a_log_that_was_cut_off_costs_its_last_lines_only(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    holder = sqlite3.connect(file)  # as long as it is open the log stays
    holder.execute("SELECT count(*) FROM journal").fetchone()
    opened = open_store(file, wall)
    for number in range(40):
        opened.store.write(JournalEntry(number, "NOTE", "", {"text": "y" * 500}))
    opened.store.close()
    log = file.with_name(file.name + "-wal")
    copy = tmp_path / "copy" / "shikra.db"
    copy.parent.mkdir()
    copy.write_bytes(file.read_bytes())
    copy.with_name(copy.name + "-wal").write_bytes(log.read_bytes()[: log.stat().st_size - 700])
    holder.close()
    again = open_store(copy, wall)
    lines = again.store.verify_journal()
    again.store.close()
    assert 50 <= lines < 90
    assert again.why == ""


def test_a_new_folder_and_a_sound_database_open_without_a_word(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    assert settings_of(tmp_path / "new" / "shikra.db", wall) == ({}, "")
    assert settings_of(fill_up(tmp_path / "shikra.db", lines=1_500), wall) == ({"kept": "first"}, "")


def test_the_end_of_a_long_journal_is_checked_at_the_start(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db", lines=1_500)
    line = sqlite3.connect(file)
    line.execute("DROP TRIGGER journal_no_update")
    line.execute("UPDATE journal SET payload = '{}' WHERE seq = 1400")
    line.commit()
    line.close()
    assert "line 1400 of the journal" in settings_of(file, wall)[1]


def test_a_database_of_a_newer_shikra_is_left_alone(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    line = sqlite3.connect(file)
    line.execute("UPDATE alembic_version SET version_num = '9999'")
    line.commit()
    line.close()
    with pytest.raises(StoreFailed, match="a newer Shikra made it"):
        open_store(file, wall)
    assert not (tmp_path / "set-aside").exists()


def test_a_database_that_somebody_holds_is_left_alone(
    tmp_path: Path, wall: ManualClock, fill_up: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    file = fill_up(tmp_path / "shikra.db")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailed, match="database is locked"):
        open_store(file, wall)
    holder.execute("ROLLBACK")
    holder.close()
    assert not (tmp_path / "set-aside").exists()
    assert settings_of(file, wall)[1] == ""


def test_an_old_database_is_copied_before_it_is_brought_up_to_date(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    line = sqlite3.connect(file)
    line.executescript("DROP TABLE alerts; UPDATE alembic_version SET version_num = '0002'")
    line.commit()
    line.close()
    assert settings_of(file, wall) == ({"kept": "first"}, "")
    (copy,) = Backups(file, wall).list_all()
    line = sqlite3.connect(copy.path)
    assert line.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)
    line.close()
    line = sqlite3.connect(file)
    assert line.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    line.close()

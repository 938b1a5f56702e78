"""Copies of the database: whole or not there, kept for a week and a month, and put back only when they are good."""

from __future__ import annotations

import sqlite3
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.safety.backups import Backup, Backups, Damaged, check_pages, to_keep
from engine.store import Setting, Store, StoreFailed

Fill = Callable[..., Path]


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    line = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        names = [name for (name,) in line.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: line.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in names}
    finally:
        line.close()


def spoil(file: Path) -> None:
    """Flip bytes in the middle of every page but the first."""
    content = bytearray(file.read_bytes())
    for place in range(4096, len(content), 4096):
        content[place : place + 64] = bytes(byte ^ 0xFF for byte in content[place : place + 64])
    file.write_bytes(content)


def test_a_copy_made_while_the_database_is_written_is_whole_and_private(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    store = Store.open(file)
    store.write(Setting("while", "open"))
    backup = Backups(file, wall).make()
    store.close()
    assert backup is not None
    assert backup.path == tmp_path / "backups" / "shikra-20261123-120000.db"
    assert Backups(file, wall).verify(backup.path) == 50
    if sys.platform != "win32":
        assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in backup.path.parent.iterdir()) == [backup.path.name]


def test_there_is_nothing_to_copy_before_the_first_start(tmp_path: Path, wall: ManualClock) -> None:
    assert Backups(tmp_path / "shikra.db", wall).make() is None
    (tmp_path / "shikra.db").touch()
    assert Backups(tmp_path / "shikra.db", wall).make() is None


def test_a_restore_gives_every_row_back_and_keeps_the_old_file(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    backups = Backups(file, wall)
    backup = backups.make()
    assert backup is not None
    before = rows(file)
    store = Store.open(file)
    store.write(Setting("kept", "changed"))
    store.close()
    changed = rows(file)
    aside = backups.restore(backup.path)
    assert rows(file) == before
    assert aside is not None
    assert rows(aside) == changed
    again = backups.restore(backup.path)
    assert again is not None
    assert again.parent != aside.parent, "what was put aside in the same second is not written over"
    assert Store.open(file).close() is None


def test_a_damaged_copy_is_refused_and_nothing_has_changed(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    backups = Backups(file, wall)
    backup = backups.make()
    assert backup is not None
    before = file.read_bytes()
    spoil(backup.path)
    with pytest.raises(Damaged, match="Expected a whole database"):
        backups.restore(backup.path)
    assert file.read_bytes() == before
    with pytest.raises(StoreFailed, match="was none; `backup list`"):
        backups.restore(tmp_path / "nothing.db")


def test_a_copy_whose_journal_was_changed_is_refused(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    backups = Backups(file, wall)
    backup = backups.make()
    assert backup is not None
    line = sqlite3.connect(backup.path)
    line.execute("DROP TRIGGER journal_no_update")
    line.execute("UPDATE journal SET payload = '{}' WHERE seq = 7")
    line.commit()
    line.close()
    with pytest.raises(StoreFailed, match="line 7 of the journal"):
        backups.verify(backup.path)
    assert backups.newest_good() is None


def test_the_newest_good_copy_is_found_past_damaged_ones(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    backups = Backups(file, wall)
    good = backups.make()
    wall.advance(60)
    bad = backups.make()
    assert good is not None
    assert bad is not None
    spoil(bad.path)
    backups.verify(good.path)
    assert backups.newest_good() == good


def test_a_locked_database_is_not_taken_for_a_damaged_one(tmp_path: Path, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA journal_mode=DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreFailed, match="close what holds it") as caught:
        check_pages(file)
    assert not isinstance(caught.value, Damaged)
    holder.execute("ROLLBACK")
    holder.close()


def test_a_day_is_kept_for_a_week_and_a_week_for_a_month() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    every = [Backup(Path(f"{number}.{part}"), noon - timedelta(days=number, hours=part), 1) for number in range(60) for part in (0, 2)]
    kept = {backup.made for backup in to_keep(sorted(every, key=lambda backup: backup.made))}
    days = {noon - timedelta(days=number) for number in range(7)}
    assert days <= kept, "the newest of each of the last seven days"
    assert {made.isocalendar()[1] for made in kept} == {48, 47, 46, 45}
    assert max(kept) - timedelta(hours=2) in kept, "and the last three, whatever day they are of"
    assert len(kept) == 7 + 2 + 1


def test_old_copies_go_when_a_new_one_is_made(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db", lines=1)
    backups = Backups(file, wall)
    for _ in range(40):
        backups.make()
        wall.advance(86_400)
    assert 7 < len(backups.list_all()) <= 11
    (backups.list_all()[0].path.parent / "shikra-notes.db").touch()
    assert all(backup.path.name != "shikra-notes.db" for backup in backups.list_all())


def test_a_disk_that_takes_no_copy_leaves_no_half_one(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db")
    backups = Backups(file, wall)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "shikra-20261123-120000.db").mkdir()
    with pytest.raises(StoreFailed, match="make room"):
        backups.make()
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["shikra-20261123-120000.db"]

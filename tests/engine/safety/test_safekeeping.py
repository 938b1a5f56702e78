"""A terminal is alone in its folder, starts in safe mode after a bad end, and leaves a copy behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.core.errors import UserError
from engine.core.model import TradingState
from engine.engine_settings import EngineSettings
from engine.safety.backups import Backups
from engine.safety.instance import is_taken
from engine.safety.safekeeping import Safekeeping
from engine.safety.starts import Starts
from engine.store import Store
from engine.store.rows import StoreFailed
from engine.trading_engine import TradingEngine
from tests.engine.safety.conftest import NOON_NS

Fill = Callable[..., Path]


def keeping_of(folder: Path, wall: ManualClock) -> Safekeeping:
    return Safekeeping(folder, folder / "shikra.db", wall)


def test_a_copy_is_made_at_the_end_of_each_run_and_at_the_first_start_of_a_day(tmp_path: Path, wall: ManualClock) -> None:
    backups = Backups(tmp_path / "shikra.db", wall)
    first = keeping_of(tmp_path, wall)
    first.open()
    assert is_taken(tmp_path)
    first.copy_once_a_day()
    first.copy_once_a_day()
    assert len(backups.list_all()) == 1
    wall.advance(60)
    first.close()
    assert not is_taken(tmp_path)
    assert len(backups.list_all()) == 2
    second = keeping_of(tmp_path, wall)
    second.open()
    second.copy_once_a_day()
    assert len(backups.list_all()) == 2
    wall.advance(86_400)
    second.copy_once_a_day()
    assert len(backups.list_all()) == 3
    second.close()
    second.close()


def test_what_closes_without_having_opened_leaves_the_others_lock_alone(tmp_path: Path, wall: ManualClock) -> None:
    first, second = keeping_of(tmp_path, wall), keeping_of(tmp_path, wall)
    first.open()
    with pytest.raises(UserError, match="was the second"):
        second.open()
    second.close()
    assert is_taken(tmp_path)
    first.close()


def kept_in(file: Path) -> object:
    store = Store.open(file)
    try:
        return store.settings().get("kept")
    finally:
        store.close()


def test_a_chosen_backup_takes_the_database_s_place_when_that_is_closed(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = tmp_path / "shikra.db"
    fill_up(file, value="then")
    first = Backups(file, wall).make()
    assert first is not None
    wall.advance(60)
    fill_up(file, lines=3, value="now")
    keeping = Safekeeping(tmp_path, file, wall, "a backup was put back")
    keeping.open()
    assert keeping.why == "a backup was put back"
    keeping.put_back(str(first.path))
    assert keeping.restored == ""
    keeping.close()
    assert kept_in(file) == "then"
    assert "shikra-20261123-120000.db is the database now, and what was there lies untouched in" in keeping.restored
    (aside,) = (tmp_path / "set-aside").rglob("shikra.db")
    assert kept_in(aside) == "now"
    assert [backup.path for backup in Backups(file, wall).list_all()] == [first.path], "no copy was made, so none was let go of"
    assert not is_taken(tmp_path)
    keeping.close()
    assert kept_in(file) == "then"


@pytest.mark.logs_warnings
def test_a_damaged_copy_is_refused_and_one_that_is_gone_by_then_changes_nothing(
    tmp_path: Path, wall: ManualClock, fill_up: Fill, caplog: pytest.LogCaptureFixture
) -> None:
    file = fill_up(tmp_path / "shikra.db", value="now")
    backup = Backups(file, wall).make()
    assert backup is not None
    wall.advance(60)
    keeping = keeping_of(tmp_path, wall)
    keeping.open()
    keeping.put_back(str(backup.path))
    backup.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreFailed, match="Expected a whole database"):
        keeping.put_back(str(backup.path))
    keeping.close()
    assert "was not put back (Expected a whole database" in keeping.restored
    assert "compare orders and positions" in keeping.restored
    assert kept_in(file) == "now"
    assert "was not put back" in caplog.text


def test_copies_are_told_with_what_is_in_them_the_newest_first(tmp_path: Path, wall: ManualClock, fill_up: Fill) -> None:
    file = fill_up(tmp_path / "shikra.db", lines=7)
    Backups(file, wall).make()
    wall.advance(60)
    damaged = Backups(file, wall).make()
    assert damaged is not None
    damaged.path.write_bytes(b"no database at all" * 100)
    bad, good = keeping_of(tmp_path, wall).list_backups()
    assert bad.fault.startswith("cannot be read: ")
    assert (good.fault, good.orders, good.fills, good.lines, good.last_ns) == ("", 0, 0, 7, NOON_NS + 6)
    assert (good.made.isoformat(), good.size) == ("2026-11-23T12:00:00", Path(good.path).stat().st_size)


def test_a_database_on_a_server_is_restored_there(tmp_path: Path, wall: ManualClock) -> None:
    keeping = Safekeeping(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:1/none", wall)
    with pytest.raises(UserError, match="the server's own tools"):
        keeping.list_backups()
    with pytest.raises(UserError, match="the server's own tools"):
        keeping.put_back("anything")


def engine_of(folder: Path, wall: ManualClock) -> TradingEngine:
    return TradingEngine(EngineSettings(folder, broker_options={"seed": 1, "speed": 60.0}), wall=wall)


@pytest.mark.logs_warnings
def test_after_three_bad_ends_nothing_new_is_risked_until_a_person_has_looked(loop_run: Any, tmp_path: Path, wall: ManualClock) -> None:
    for _ in range(3):
        Starts(tmp_path, wall).begin()
        wall.advance(10)

    async def whole() -> None:
        notices: list[tuple[str, str]] = []
        engine = engine_of(tmp_path, wall)
        engine.view.notice_given.connect(lambda level, text: notices.append((level, text)))
        await engine.open()
        assert engine.session.risk.state is TradingState.HALTED
        assert "broke off 3 times" in engine.session.risk.reason
        assert any(level == "critical" and "Safe mode" in text for level, text in notices)
        await engine.close()

        again = engine_of(tmp_path, wall)
        await again.open()
        assert again.session.risk.state is TradingState.HALTED, "a start that ends well is no reason to go on"
        again.session.risk.resume("looked at the log")
        assert again.session.risk.state is TradingState.ACTIVE, again.session.risk.reason
        await again.close()

        third = engine_of(tmp_path, wall)
        await third.open()
        assert third.session.risk.state is TradingState.ACTIVE, third.session.risk.reason
        await third.close()

    loop_run(whole())


def test_a_second_engine_on_the_folder_is_refused_and_the_first_goes_on(loop_run: Any, tmp_path: Path, wall: ManualClock) -> None:
    async def whole() -> None:
        first = engine_of(tmp_path, wall)
        await first.open()
        with pytest.raises(UserError, match="Expected to be the only terminal"):
            await engine_of(tmp_path, wall).open()
        assert first.session.risk.state is TradingState.ACTIVE
        await asyncio.sleep(0)
        await first.close()

    loop_run(whole())

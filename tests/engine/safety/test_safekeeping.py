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
from engine.trading_engine import TradingEngine

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

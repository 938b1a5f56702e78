"""Backups are listed at any time; one is put back in safe mode alone, and never a damaged one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import SAFE_MODE
from terminal.desk import Desk
from tests.terminal.test_desk import make_desk

pytestmark = pytest.mark.logs_warnings


class Window:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def show_dialog(self, name: str) -> None:
        self.asked.append(name)

    def restart(self) -> None:
        self.asked.append("restart")


@pytest.fixture
def at_a_desk(tmp_path: Path, loop_run: Callable[..., Any]) -> Callable[..., None]:
    def run(play: Callable[[Desk, Window, list[str]], Any]) -> None:
        async def live() -> None:
            desk, window, said = make_desk(tmp_path, demo_strategy=False), Window(), []
            desk.view.notice_given.connect(lambda level, text: said.append(text))
            desk.window = window  # type: ignore[assignment]
            await desk.open()
            try:
                await play(desk, window, said)
            finally:
                await desk.close()

        loop_run(live())

    return run


def test_copies_are_listed_and_the_form_is_opened(at_a_desk: Callable[..., None]) -> None:
    async def play(desk: Desk, window: Window, said: list[str]) -> None:
        desk.engine.keeping.copy_once_a_day()
        await desk.actions.run("backup.show")
        assert [backup.fault for backup in desk.view.backups] == [""]
        assert desk.view.backups[0].lines > 0
        assert window.asked == ["restore"]

    at_a_desk(play)


def test_a_terminal_that_trades_does_not_put_one_back(at_a_desk: Callable[..., None]) -> None:
    async def play(desk: Desk, window: Window, said: list[str]) -> None:
        desk.actions.run("backup.restore", "any.db")
        await desk.tasks.settle()
        assert said[-1].startswith("Expected safe mode, was a terminal that trades; close it")
        assert window.asked == []
        await desk.close()
        assert desk.restored == ""

    at_a_desk(play)


def test_in_safe_mode_a_damaged_one_is_refused_and_a_whole_one_closes_the_terminal(at_a_desk: Callable[..., None], tmp_path: Path) -> None:
    async def play(desk: Desk, window: Window, said: list[str]) -> None:
        desk.engine.session.risk.halt("it was damaged", SAFE_MODE)
        desk.engine.session.life.publish()
        desk.engine.keeping.copy_once_a_day()
        bad = tmp_path / "bad.db"
        bad.write_bytes(b"no database at all" * 100)
        desk.actions.run("backup.restore", str(bad))
        await desk.tasks.settle()
        assert "Expected a whole database" in said[-1]
        assert window.asked == []
        (good,) = desk.engine.keeping.list_backups()
        desk.actions.run("backup.restore", good.path)
        await desk.tasks.settle()
        assert window.asked == ["restart"]
        await desk.close()
        assert "is the database now" in desk.restored

    at_a_desk(play)

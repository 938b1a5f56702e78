"""A strategy that its limits have stopped is let go on in the window, for a typed reason, and the journal keeps who said so and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.core.errors import UserError
from engine.core.model import HAND
from terminal import api
from terminal.actions import bindings
from terminal.desk import Desk
from terminal.dialogs.resume import ResumeDialog
from terminal.keymap import Keymap
from terminal.main_window import MainWindow
from tests.terminal.test_desk import make_desk
from widgets.base.frames import Frames
from widgets.base.theme import Theme

pytestmark = pytest.mark.logs_warnings

REJECTS = 3


def stop(desk: Desk, owner: str) -> None:
    """Let the broker refuse so many orders of one owner that it is stopped."""
    for _ in range(REJECTS):
        desk.engine.session.risk.on_reject(owner)


@pytest.fixture
def at_a_window(tmp_path: Path, qtbot: QtBot, loop_run: Callable[..., Any]) -> Callable[..., None]:
    """Play before a window over a real engine."""

    def run(play: Callable[[Desk, MainWindow], Any]) -> None:
        async def live() -> None:
            desk = make_desk(tmp_path, demo_strategy=False)
            window = MainWindow(
                desk.view, desk.settings, desk.actions, Keymap(bindings()), Theme.load("dark"), desk.connection, desk.backtests
            )
            desk.window = window
            try:
                window.show()
                await desk.open()
                await play(desk, window)
            finally:
                await desk.close()
                window.shut()
                window.deleteLater()

        loop_run(live())

    return run


def test_it_trades_again_for_a_typed_reason_that_the_journal_keeps(at_a_window: Callable[..., None]) -> None:
    async def play(desk: Desk, window: MainWindow) -> None:
        config = {"strategy_config": {"name": "Bot", "strategy_type": "rsi", "symbols": ["TCS"], "sizing": "fixed:1"}}
        bot = desk.actions.run("strategy.add", config)
        stop(desk, bot)
        desk.engine.session.life.publish()
        Frames.of(desk.view).flush()
        QApplication.processEvents()
        panel: Any = window.panels["risk"]
        QTest.mouseClick(panel.held.buttons[bot, ""], Qt.MouseButton.LeftButton)
        (dialog,) = [each for each in window.findChildren(ResumeDialog) if each.isVisible()]
        QTest.keyClicks(dialog.line, "the session was renewed")
        QTest.keyClick(dialog.line, Qt.Key.Key_Return)
        assert desk.engine.session.risk.holds_back(bot) == ""
        Frames.of(desk.view).flush()
        assert not panel.held.buttons
        await desk.engine.session.store.flush()
        (row,) = [row for row in desk.engine.session.store.journal() if row.kind == "LET_TRADE"]
        assert row.payload == {"owner": bot, "reason": "the session was renewed", "by": HAND}

    at_a_window(play)


def test_neither_without_a_reason_nor_for_who_is_not_held_back(at_a_window: Callable[..., None]) -> None:
    async def play(desk: Desk, window: MainWindow) -> None:
        stop(desk, "bot")
        with pytest.raises(UserError, match="Expected the reason why bot may trade again"):
            desk.engine.let_trade("bot", " \n ")
        assert "REDUCING" in desk.engine.session.risk.holds_back("bot")
        with pytest.raises(UserError, match="Expected somebody whom limits have stopped"):
            desk.engine.let_trade("other", "a good reason")
        desk.actions.run("strategy.let_trade", {"owner": "bot"})
        desk.actions.run("strategy.let_trade", {"owner": "other"})
        (dialog,) = [each for each in window.findChildren(ResumeDialog) if each.isVisible()]
        assert dialog.windowTitle() == "Let other trade again?"
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        await desk.engine.session.store.flush()
        assert not [row for row in desk.engine.session.store.journal() if row.kind == "LET_TRADE"]

    at_a_window(play)


def test_nobody_is_let_go_on_over_rest() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(api.__file__).parent.glob("*.py")]
    assert len(sources) > 10
    assert not [text for text in sources for word in ("let_trade", "rearm", "account.resume") if word in text]

"""Trading goes on after a halt only for a reason that somebody typed."""

from __future__ import annotations

from types import SimpleNamespace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.view import EngineView
from terminal.dialogs.resume import ResumeDialog
from tests.terminal.dialogs.test_dialogs import busy_view


def shown(dialog: ResumeDialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel))


def test_it_goes_on_with_the_reason_that_was_typed(qtbot: QtBot) -> None:
    view = busy_view()
    view.risk = SimpleNamespace(reason="storm")  # type: ignore[assignment]
    dialog = ResumeDialog(view)
    qtbot.addWidget(dialog)
    asked: list[tuple[str, object]] = []
    dialog.requested.connect(lambda name, payload: asked.append((name, payload)))
    dialog.open()
    assert "Stopped because: storm" in shown(dialog)
    assert "Position  TCS" in shown(dialog)
    QTest.keyClicks(dialog.line, "  oops   ")
    assert not dialog.go_on.isEnabled()
    QTest.keyClick(dialog.line, Qt.Key.Key_Return)
    assert asked == []
    dialog.line.setText(" the feed is back ")
    dialog.go_on.click()
    assert asked == [("account.resume", {"reason": "the feed is back"})]
    assert not dialog.isVisible()


def test_it_says_when_nothing_is_open_and_nothing_known(qtbot: QtBot) -> None:
    dialog = ResumeDialog(EngineView())
    qtbot.addWidget(dialog)
    assert "no reason is known" in shown(dialog)
    assert "No order and no position is open." in shown(dialog)

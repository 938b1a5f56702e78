"""Trading goes on after a halt only for a reason that somebody typed."""

from __future__ import annotations

from types import SimpleNamespace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.core.model import BY_A_PERSON, Restraint, TradingState
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


def test_for_an_owner_it_tells_what_stopped_it_and_what_it_holds_and_asks_for_it_alone(qtbot: QtBot) -> None:
    view = busy_view()
    mine = Restraint("ema", "broker_rejects", "3 were refused", TradingState.REDUCING, BY_A_PERSON)
    other = Restraint("rsi", "loss_streak", "not of this one", TradingState.REDUCING, "by itself")
    view.risk = SimpleNamespace(reason="", restraints=(mine, other))  # type: ignore[assignment]
    dialog = ResumeDialog(view, owner="ema")
    qtbot.addWidget(dialog)
    asked: list[tuple[str, object]] = []
    dialog.requested.connect(lambda name, payload: asked.append((name, payload)))
    dialog.open()
    said = shown(dialog)
    assert "Refused by the broker in a minute: 3 were refused. Ends once a person takes it back." in said
    assert "not of this one" not in said
    assert "Position" not in said, "it is another's"
    QTest.keyClicks(dialog.line, "       ")
    assert not dialog.go_on.isEnabled()
    QTest.keyClick(dialog.line, Qt.Key.Key_Return)
    QTest.keyClicks(dialog.line, "the session was renewed")
    QTest.mouseClick(dialog.go_on, Qt.MouseButton.LeftButton)
    assert asked == [("strategy.let_trade", {"reason": "the session was renewed", "owner": "ema"})]

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from terminal import hold_keys
from terminal.hold_keys import Guarded, HoldKeys

MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
KEYS = {"Ctrl+Shift+K": Guarded("account.kill"), "Ctrl+Shift+F": Guarded("account.flatten", is_twice=True)}


class Hand:
    """Presses and releases keys in a text field, where they are hardest to catch."""

    def __init__(self, qtbot: QtBot, hold_ms: int) -> None:
        self.box = QLineEdit()
        qtbot.addWidget(self.box)
        self.box.show()
        self.box.setFocus()
        self.keys = HoldKeys(KEYS, hold_ms, self.box)
        self.fired: list[str] = []
        self.parts: list[float] = []
        self.keys.fired.connect(self.fired.append)
        self.keys.progressed.connect(lambda action, part: self.parts.append(part))
        QApplication.instance().installEventFilter(self.keys)  # type: ignore[union-attr]

    def press(self, key: Qt.Key) -> None:
        QTest.keyPress(self.box, key, MODIFIERS)

    def release(self, key: Qt.Key) -> None:
        QTest.keyRelease(self.box, key, MODIFIERS)

    def repeat(self, key: Qt.Key) -> None:
        QApplication.sendEvent(self.box, QKeyEvent(QEvent.Type.KeyPress, key, MODIFIERS, "", True, 1))


@pytest.fixture
def hand(qtbot: QtBot, request: pytest.FixtureRequest) -> Iterator[Hand]:
    made = Hand(qtbot, getattr(request, "param", 60))
    yield made
    QApplication.instance().removeEventFilter(made.keys)  # type: ignore[union-attr]


def test_held_long_enough_it_fires_once(hand: Hand, qtbot: QtBot) -> None:
    hand.press(Qt.Key.Key_K)
    hand.repeat(Qt.Key.Key_K)
    qtbot.waitUntil(lambda: bool(hand.fired))
    hand.repeat(Qt.Key.Key_K)
    hand.release(Qt.Key.Key_K)
    assert hand.fired == ["account.kill"]
    assert hand.parts[0] == 0.0
    assert hand.parts[-1] == 1.0
    assert hand.box.text() == ""


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_let_go_early_it_does_nothing(hand: Hand, qtbot: QtBot) -> None:
    hand.press(Qt.Key.Key_K)
    hand.release(Qt.Key.Key_K)
    qtbot.waitUntil(lambda: hand.parts[-1] == -1.0)
    assert hand.parts[0] == 0.0
    assert hand.fired == []


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_letting_go_of_the_modifier_counts_too(hand: Hand, qtbot: QtBot) -> None:
    hand.press(Qt.Key.Key_K)
    hand.release(Qt.Key.Key_Shift)
    qtbot.waitUntil(lambda: hand.parts[-1] == -1.0)


@pytest.mark.parametrize("hand", [150], indirect=True)
def test_a_repeated_key_that_came_without_its_mark_is_still_held(hand: Hand, qtbot: QtBot) -> None:
    hand.press(Qt.Key.Key_F)
    for at_ms in range(1_000, 6_000, 1_000):
        for kind in (QEvent.Type.KeyRelease, QEvent.Type.KeyPress):
            event = QKeyEvent(kind, Qt.Key.Key_F, MODIFIERS)
            event.setTimestamp(at_ms)
            QApplication.sendEvent(hand.box, event)
    assert hand.fired == []
    qtbot.waitUntil(lambda: bool(hand.fired))
    assert -1.0 not in hand.parts


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_flatten_goes_by_two_presses_kill_does_not(hand: Hand) -> None:
    for key in (Qt.Key.Key_F, Qt.Key.Key_F, Qt.Key.Key_K, Qt.Key.Key_K):
        hand.press(key)
        hand.release(key)
    assert hand.fired == ["account.flatten"]


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_the_second_press_must_come_soon(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold_keys, "TWICE_MS", -1)
    for _ in range(2):
        hand.press(Qt.Key.Key_F)
        hand.release(Qt.Key.Key_F)
    assert hand.fired == []


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_a_key_that_repeats_itself_is_no_second_press(hand: Hand) -> None:
    hand.press(Qt.Key.Key_F)
    for _ in range(5):
        hand.repeat(Qt.Key.Key_F)
    assert hand.fired == []
    hand.release(Qt.Key.Key_F)


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_leaving_the_application_lets_go(hand: Hand) -> None:
    hand.press(Qt.Key.Key_K)
    QApplication.sendEvent(hand.box, QEvent(QEvent.Type.ApplicationDeactivate))
    assert hand.parts == [0.0, -1.0]


@pytest.mark.parametrize("hand", [60_000], indirect=True)
def test_other_keys_pass_and_keys_can_be_changed(hand: Hand) -> None:
    QTest.keyClick(hand.box, Qt.Key.Key_K)
    assert hand.box.text() == "k"
    hand.keys.bind({"Ctrl+Shift+Q": Guarded("account.kill")})
    hand.press(Qt.Key.Key_K)
    assert hand.parts == []
    hand.press(Qt.Key.Key_Q)
    assert hand.parts == [0.0]
    hand.release(Qt.Key.Key_Q)

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QWindow
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from terminal.repeats import Repeats


class Ear(QWindow):
    """Hears what a window hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, bool]] = []

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.heard.append(("press", event.isAutoRepeat()))

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        self.heard.append(("release", event.isAutoRepeat()))


@pytest.fixture
def ear(qtbot: QtBot) -> Iterator[Ear]:
    repeats, made = Repeats(), Ear()
    application = QApplication.instance()
    assert application is not None
    application.installEventFilter(repeats)
    yield made
    application.removeEventFilter(repeats)


def send(to: QObject, kind: QEvent.Type, at_ms: int, key: Qt.Key = Qt.Key.Key_Delete, *, is_repeat: bool = False) -> None:
    event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, "", is_repeat)
    event.setTimestamp(at_ms)
    QApplication.sendEvent(to, event)


PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease


def test_a_press_of_the_instant_of_its_release_is_marked(ear: Ear) -> None:
    send(ear, PRESS, 1_000)
    send(ear, RELEASE, 1_600)
    send(ear, PRESS, 1_600)
    assert ear.heard == [("press", False), ("release", False), ("press", True)]


def test_a_second_press_by_hand_is_not(ear: Ear) -> None:
    send(ear, PRESS, 1_000)
    send(ear, RELEASE, 1_050)
    send(ear, PRESS, 1_090)
    assert ear.heard[-1] == ("press", False)


def test_another_key_at_that_instant_is_not(ear: Ear) -> None:
    send(ear, RELEASE, 1_000)
    send(ear, PRESS, 1_000, Qt.Key.Key_B)
    assert ear.heard[-1] == ("press", False)


def test_what_is_marked_already_and_what_has_no_time_pass_once(ear: Ear) -> None:
    send(ear, RELEASE, 0)
    send(ear, PRESS, 0)
    send(ear, RELEASE, 900, is_repeat=True)
    send(ear, PRESS, 900, is_repeat=True)
    assert ear.heard == [("release", False), ("press", False), ("release", True), ("press", True)]


def test_widgets_inside_a_window_are_left_alone(ear: Ear, qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    send(widget, RELEASE, 1_000)
    send(widget, PRESS, 1_000)
    assert ear.heard == []

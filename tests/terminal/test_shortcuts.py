from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow
from pytestqt.qtbot import QtBot

from terminal.actions import bindings
from terminal.keymap import Keymap
from terminal.shortcuts import MENUS, Shortcuts


class Scene:
    def __init__(self, qtbot: QtBot) -> None:
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.ran: list[str] = []
        self.shortcuts = Shortcuts(self.window, Keymap(bindings()), self.ran.append, 800)
        self.box = QLineEdit()
        self.window.setCentralWidget(self.box)
        self.window.show()
        qtbot.waitExposed(self.window)
        self.window.activateWindow()
        self.box.setFocus()


@pytest.fixture
def scene(qtbot: QtBot) -> Scene:
    return Scene(qtbot)


def test_a_key_of_the_window_acts_and_one_of_a_row_is_no_shortcut(scene: Scene) -> None:
    QTest.keyClick(scene.box, Qt.Key.Key_X, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(scene.box, Qt.Key.Key_F3)
    assert scene.ran == ["order.cancel_all", "view.orders"]
    for key in (Qt.Key.Key_B, Qt.Key.Key_Delete, Qt.Key.Key_F1):
        QTest.keyClick(scene.box, key)
    assert len(scene.ran) == 2


def test_a_guarded_key_is_no_shortcut_but_stands_in_the_menu(scene: Scene) -> None:
    QTest.keyClick(scene.box, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert scene.ran == []
    assert scene.shortcuts.entries["account.kill"].text() == "KILL: stop all trading now\tCtrl+Shift+K (hold)"


def test_menus_hold_the_actions_and_a_click_runs_them(scene: Scene) -> None:
    assert list(scene.shortcuts.menus) == list(MENUS)
    titles = [entry.text() for entry in scene.shortcuts.menus["Trade"].actions()]
    assert "Order ticket" in titles
    scene.shortcuts.entries["app.settings"].trigger()
    assert scene.ran == ["app.settings"]


def test_other_keys_take_effect_at_once(scene: Scene) -> None:
    scene.shortcuts.bind(Keymap(bindings(), {"order.cancel_all": ["F12"], "ticket.buy": ["F7"], "view.chart": []}))
    QTest.keyClick(scene.box, Qt.Key.Key_X, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(scene.box, Qt.Key.Key_F12)
    assert scene.ran == ["order.cancel_all"]
    assert scene.shortcuts.row_keys()["F7"] == "ticket.buy"
    assert scene.shortcuts.row_keys()["Del"] == "order.cancel"
    assert "F1" not in scene.shortcuts.row_keys()


def test_a_held_key_does_not_repeat_a_command(scene: Scene) -> None:
    assert not any(entry.autoRepeat() for entry in scene.shortcuts.entries.values())

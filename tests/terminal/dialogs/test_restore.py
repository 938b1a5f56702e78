"""A copy of the database is chosen and confirmed by typing; Enter alone, or a copy that cannot be read, restores nothing."""

from __future__ import annotations

from datetime import datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.core.model import BackupInfo
from engine.view import EngineView
from terminal.dialogs.restore import COLUMNS, EMPTY, RestoreDialog
from widgets.base.theme import Theme

NOON_NS = 1_795_415_400_000_000_000
BAD = BackupInfo("/b/3.db", datetime.fromisoformat("2026-11-23T12:00"), 900, fault="cannot be read: file is not a database")
NEW = BackupInfo("/b/2.db", datetime.fromisoformat("2026-11-22T15:30"), 2_400_000, 1_234, 987, 12_345, NOON_NS)
OLD = BackupInfo("/b/1.db", datetime.fromisoformat("2026-11-20T09:15"), 1_000)


class Scene:
    def __init__(self, qtbot: QtBot, *backups: BackupInfo) -> None:
        view = EngineView()
        view.backups = backups
        self.dialog = RestoreDialog(view, Theme.load("dark"))
        qtbot.addWidget(self.dialog)
        self.asked: list[tuple[str, object]] = []
        self.dialog.requested.connect(lambda name, payload: self.asked.append((name, payload)))
        self.dialog.open()
        qtbot.waitExposed(self.dialog)

    def row(self, row: int) -> list[str]:
        return [self.dialog.table.item(row, at).text() for at in range(len(COLUMNS))]

    def click_row(self, row: int) -> None:
        table = self.dialog.table
        at = table.visualItemRect(table.item(row, 0)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)


@pytest.fixture
def scene(qtbot: QtBot) -> Scene:
    return Scene(qtbot, BAD, NEW, OLD)


def test_each_copy_tells_its_time_size_and_what_it_has(scene: Scene) -> None:
    assert scene.row(0) == ["23 Nov 2026 12:00:00", "cannot be read: file is not a database", "", "", "", ""]
    assert scene.row(1) == ["22 Nov 2026 15:30:00", "23 Nov 12:00:00", "2.4 MB", "1,234", "987", "12,345"]
    assert scene.row(2)[1] == "–", "a journal without a line has no end"


def test_the_newest_that_can_be_read_is_chosen_and_typing_confirms_it(scene: Scene) -> None:
    assert scene.dialog.chosen is NEW
    QTest.keyClick(scene.dialog.line, Qt.Key.Key_Return)
    QTest.keyClicks(scene.dialog.line, "restor")
    QTest.keyClick(scene.dialog.line, Qt.Key.Key_Return)
    assert not scene.dialog.go_on.isEnabled()
    assert scene.asked == []
    QTest.keyClicks(scene.dialog.line, "e ")
    QTest.mouseClick(scene.dialog.go_on, Qt.MouseButton.LeftButton)
    assert scene.asked == [("backup.restore", "/b/2.db")]
    assert not scene.dialog.isVisible()


def test_another_is_chosen_by_mouse_or_keys_and_a_damaged_one_by_neither(scene: Scene) -> None:
    scene.click_row(0)
    assert scene.dialog.chosen is NEW
    scene.click_row(2)
    assert scene.dialog.chosen is OLD
    scene.dialog.table.setFocus()
    QTest.keyClick(scene.dialog.table, Qt.Key.Key_Up)
    assert scene.dialog.chosen is NEW
    QTest.keyClick(scene.dialog.table, Qt.Key.Key_Up)
    assert scene.dialog.chosen is NEW
    QTest.keyClicks(scene.dialog.line, "RESTORE")
    QTest.keyClick(scene.dialog, Qt.Key.Key_Escape)
    assert scene.asked == []


def test_without_a_copy_it_says_so_and_offers_nothing(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    assert EMPTY in [label.text() for label in scene.dialog.findChildren(type(scene.dialog.layout().itemAt(0).widget()))]
    assert not scene.dialog.table.isVisible()
    assert not scene.dialog.go_on.isEnabled()


def test_when_none_can_be_read_nothing_can_be_restored(qtbot: QtBot) -> None:
    scene = Scene(qtbot, BAD)
    QTest.keyClicks(scene.dialog.line, "RESTORE")
    assert scene.dialog.chosen is None
    assert not scene.dialog.go_on.isEnabled()

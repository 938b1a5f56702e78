from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from engine.view import EngineView
from terminal.dialogs.settings_form import SettingsDialog, Ticks
from terminal.settings import Settings
from widgets.base.theme import Theme


@pytest.fixture
def dialog(qtbot: QtBot) -> SettingsDialog:
    made = SettingsDialog(Settings().values(), Theme.load("dark"), None, EngineView())
    qtbot.addWidget(made)
    made.tabs.setCurrentIndex([made.tabs.tabText(at) for at in range(made.tabs.count())].index("Alerts"))
    made.show()
    return made


def asked(dialog: SettingsDialog) -> list[tuple[str, Any]]:
    kept: list[tuple[str, Any]] = []
    dialog.requested.connect(lambda name, payload: kept.append((name, payload)))
    return kept


def test_an_address_is_typed_hidden_and_leaves_the_form_at_once(dialog: SettingsDialog, qtbot: QtBot) -> None:
    kept, part = asked(dialog), dialog.channels
    assert not part.keep.isEnabled()
    assert part.address.echoMode() == QLineEdit.EchoMode.Password
    QTest.keyClicks(part.address, "tgram://123:secret/99")
    qtbot.mouseClick(part.keep, Qt.MouseButton.LeftButton)
    assert kept == [("alert.keep_address", "tgram://123:secret/99")]
    assert part.address.text() == ""
    part._view.on_addresses(["tgram://…", "mailto://…"])
    part.addresses.setCurrentRow(1)
    qtbot.mouseClick(part.forget, Qt.MouseButton.LeftButton)
    assert kept[1:] == [("alert.forget_address", 1)]
    part._view.on_addresses((), "Expected a keyring; unlock it.")
    assert part.problem.isVisible()
    assert not part.forget.isEnabled()


def test_each_channel_can_be_tried(dialog: SettingsDialog, qtbot: QtBot) -> None:
    kept = asked(dialog)
    for button in dialog.channels.tests.values():
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert kept == [("alert.test", name) for name in ("window", "sound", "desktop", "remote")]


def test_levels_are_sent_where_it_is_ticked(dialog: SettingsDialog) -> None:
    kept = asked(dialog)
    ticks = dialog.fields["alert_warning"].editor
    assert isinstance(ticks, Ticks)
    assert ticks.words == ("window", "sound")
    ticks.boxes["sound"].click()
    ticks.boxes["remote"].click()
    dialog.accept()
    assert kept == [("app.change_settings", {"alert_warning": ("window", "remote")})]

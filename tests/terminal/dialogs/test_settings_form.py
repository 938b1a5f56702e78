from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QCheckBox, QSpinBox
from pytestqt.qtbot import QtBot

from terminal.dialogs.settings_form import SettingsDialog
from terminal.options import OPTIONS, sections
from terminal.settings import Settings
from widgets.base.inputs import ChoiceBox, TextBox
from widgets.base.theme import Theme


class Form:
    def __init__(self, qtbot: QtBot) -> None:
        self.dialog = SettingsDialog(Settings().values(), Theme.load("dark"))
        qtbot.addWidget(self.dialog)
        self.asked: list[tuple[str, Any]] = []
        self.dialog.requested.connect(lambda name, payload: self.asked.append((name, payload)))
        self.dialog.open()

    def box(self, name: str) -> TextBox:
        editor = self.dialog.fields[name].editor
        assert isinstance(editor, TextBox)
        return editor


@pytest.fixture
def form(qtbot: QtBot) -> Form:
    return Form(qtbot)


def test_every_option_has_a_field_under_its_section(form: Form) -> None:
    assert set(form.dialog.fields) == {option.name for option in OPTIONS}
    assert [form.dialog.tabs.tabText(at) for at in range(form.dialog.tabs.count())] == list(sections())


def test_each_kind_has_its_editor_and_starts_at_its_value(form: Form) -> None:
    kinds = {"demo_strategy": QCheckBox, "theme": ChoiceBox, "font_size": QSpinBox, "capital": TextBox, "watch": TextBox}
    for name, kind in kinds.items():
        assert isinstance(form.dialog.fields[name].editor, kind), name
        assert form.dialog.fields[name].value() == Settings()[name]


def test_only_what_was_changed_is_asked_for(form: Form) -> None:
    form.box("capital").setText("2,50,000")
    editor = form.dialog.fields["theme"].editor
    assert isinstance(editor, ChoiceBox)
    editor.setCurrentText("light")
    form.dialog.accept()
    assert form.asked == [("app.change_settings", {"capital": 250_000.0, "theme": "light"})]
    assert not form.dialog.isVisible()


def test_nothing_changed_asks_for_nothing(form: Form) -> None:
    form.dialog.accept()
    assert form.asked == []
    assert not form.dialog.isVisible()


def test_a_fault_is_shown_as_it_is_typed_and_keeps_the_dialog_open(form: Form) -> None:
    form.box("capital").setText("much")
    field = form.dialog.fields["capital"]
    assert "Expected capital to be a number" in field.fault.text()
    assert not field.fault.isHidden()
    form.dialog.tabs.setCurrentIndex(2)
    form.dialog.accept()
    assert form.asked == []
    assert form.dialog.isVisible()
    assert form.dialog.tabs.currentIndex() == 0
    form.box("capital").setText("5000")
    assert field.fault.isHidden()

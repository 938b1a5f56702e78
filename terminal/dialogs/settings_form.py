"""The settings dialog, drawn from the list of options: a new option is one line there and nothing here.

What is wrong is shown beside its field as it is typed; nothing is saved until all of it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.core.errors import InvalidOption
from engine.core.options import Option
from engine.view import EngineView
from terminal.dialogs.alert_channels import AlertChannels
from terminal.options import ALERTS, sections
from widgets.base.inputs import ChoiceBox, TextBox
from widgets.base.layouts import Label
from widgets.base.theme import Theme


class Ticks(QWidget):
    """Some of a few words."""

    def __init__(self, choices: Iterable[str], ticked: Iterable[str], name: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.boxes = {choice: QCheckBox(choice) for choice in choices}
        for choice, box in self.boxes.items():
            box.setChecked(choice in set(ticked))
            box.setAccessibleName(f"{name}: {choice}")
            row.addWidget(box)
        row.addStretch(1)

    @property
    def words(self) -> tuple[str, ...]:
        """Return what is ticked."""
        return tuple(choice for choice, box in self.boxes.items() if box.isChecked())


class Field(QWidget):
    """One option: an editor of its kind, and room for what is wrong with it."""

    def __init__(self, option: Option, value: object, theme: Theme) -> None:
        super().__init__()
        self.option = option
        self.editor = _editor(option, value)
        self.editor.setAccessibleName(option.explain)
        self.fault = Label(theme, tone="bad")
        self.fault.setWordWrap(True)
        self.fault.setVisible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.editor)
        column.addWidget(self.fault)
        if isinstance(self.editor, TextBox):
            self.editor.textChanged.connect(self.check)

    def value(self) -> Any:
        """Return what is in the editor, parsed; raises InvalidOption."""
        editor = self.editor
        if isinstance(editor, QCheckBox):
            return editor.isChecked()
        if isinstance(editor, Ticks):
            return editor.words
        if isinstance(editor, ChoiceBox):
            return self.option.parse(editor.currentText())
        if isinstance(editor, QSpinBox):
            return self.option.parse(editor.value())
        assert isinstance(editor, TextBox)
        text = editor.text()
        return self.option.parse(text.replace(",", "") if isinstance(self.option.default, float) else text)

    def check(self) -> bool:
        """Show what is wrong, if anything; tell whether it is right."""
        try:
            self.value()
        except InvalidOption as error:
            self.fault.say(str(error))
            self._mark(is_wrong=True)
            return False
        self._mark(is_wrong=False)
        return True

    def _mark(self, *, is_wrong: bool) -> None:
        self.fault.setVisible(is_wrong)
        if isinstance(self.editor, TextBox):
            self.editor.mark_wrong(is_wrong)


def _editor(option: Option, value: object) -> QWidget:
    if isinstance(value, bool):
        check = QCheckBox(option.explain)
        check.setChecked(value)
        return check
    if option.choices and isinstance(value, tuple):
        return Ticks(option.choices, value, option.explain)
    if option.choices:
        combo = ChoiceBox([(choice, choice) for choice in option.choices], name=option.explain)
        combo.setCurrentText(str(value))
        return combo
    if isinstance(value, int):
        spin = QSpinBox()
        spin.setRange(round(max(option.low, -(2**31))), round(min(option.high, 2**31 - 1)))
        spin.setValue(value)
        spin.setSuffix(f" {option.unit}" if option.unit else "")
        return spin
    text = (
        ", ".join(value) if isinstance(value, tuple) else f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    )
    box = TextBox(name=option.explain)
    box.setText(text)
    return box


class SettingsDialog(QDialog):
    """All settings, one tab a section."""

    requested = Signal(str, object)
    """`app.change_settings` with what was changed."""

    def __init__(self, values: Mapping[str, Any], theme: Theme, parent: QWidget | None = None, view: EngineView | None = None) -> None:
        """With a view, alerts can be tried and addresses kept."""
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._values = dict(values)
        self.fields: dict[str, Field] = {}
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for section, options in sections().items():
            page = QWidget()
            form = QFormLayout(page)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for option in options:
                field = self.fields[option.name] = Field(option, self._values[option.name], theme)
                form.addRow("" if isinstance(field.editor, QCheckBox) else _label(option), field)
            if section == ALERTS and view is not None:
                self.channels = AlertChannels(view, theme)
                self.channels.requested.connect(self.requested)
                form.addRow(self.channels)
            self.tabs.addTab(page, section)
        self.note = Label(theme, "Broker, charges, market and database act from the next start.", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        for button in buttons.buttons():
            button.setIcon(QIcon())  # words are enough
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.tabs)
        column.addWidget(self.note)
        column.addWidget(buttons)
        self.resize(600, 480)

    def accept(self) -> None:
        """Ask for the changes and close, or show the tab that has a fault."""
        for name, field in self.fields.items():
            if not field.check():
                self.tabs.setCurrentIndex(list(sections()).index(field.option.section))
                self.fields[name].editor.setFocus()
                return
        values = {name: field.value() for name, field in self.fields.items()}
        changed = {name: value for name, value in values.items() if value != self._values[name]}
        if changed:
            self.requested.emit("app.change_settings", changed)
        super().accept()


def _label(option: Option) -> str:
    unit = f" ({option.unit})" if option.unit and not isinstance(option.default, int) else ""
    return f"{option.explain}{unit}"

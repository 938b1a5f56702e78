"""Where a trader types: prices on the tick grid, quantities in lots, words; no shortcut fires from under the typing hand.

Enter goes to the next field and never sends. Up and Down step by a tick or a lot, ten with Shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLineEdit, QToolButton, QWidget

from widgets.base.keys import is_typing
from widgets.base.numbers import MINUS, decimal

T = TypeVar("T")


class TextBox(QLineEdit):
    """One line of text."""

    def __init__(self, hint: str = "", *, name: str = "") -> None:
        super().__init__()
        self.setPlaceholderText(hint)
        self.setAccessibleName(name or hint)

    def event(self, event: QEvent) -> bool:
        """Keep what is typed from being taken for a command."""
        if event.type() == QEvent.Type.ShortcutOverride and is_typing(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier:
            self.returnPressed.emit()
            self.focusNextChild()
            event.accept()
        else:
            super().keyPressEvent(event)

    def mark_wrong(self, is_wrong: bool) -> None:
        """Show whether what stands here can be used."""
        if bool(self.property("wrong")) != is_wrong:
            self.setProperty("wrong", is_wrong)
            self.style().unpolish(self)
            self.style().polish(self)


class NumberBox(TextBox):
    """A number that steps; empty is a value of its own, and so is what cannot be read."""

    value_changed = Signal()

    def __init__(self, name: str, *, step: Decimal = Decimal(1), decimals: int = 0, low: Decimal = Decimal(0)) -> None:
        super().__init__(name=name)
        self.step, self.decimals, self.low = step, decimals, low
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(76)
        self.textChanged.connect(self.value_changed)

    @property
    def number(self) -> Decimal | None:
        """Return what was typed; None when the box is empty or holds no number."""
        text = self.text().strip().replace(",", "").replace(MINUS, "-")
        try:
            value = Decimal(text)
        except InvalidOperation:
            return None
        return value if value.is_finite() else None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was typed."""
        return not self.text().strip()

    @property
    def value(self) -> float | None:
        """Return the number as a float, None when there is none."""
        number = self.number
        return None if number is None else float(number)

    def put(self, value: float | Decimal | None) -> None:
        """Write a number, or nothing."""
        self.setText("" if value is None else decimal(float(value), self.decimals).replace(",", ""))

    def move(self, steps: int) -> None:  # type: ignore[override]  # a number box is never moved as a widget by hand
        """Go up or down by that many steps, onto the grid of steps, never below the lowest."""
        number = self.number
        if number is None:
            return
        on_grid = number / self.step
        whole = on_grid.to_integral_value(rounding="ROUND_FLOOR" if steps > 0 else "ROUND_CEILING")
        self.put(max(self.low, (whole + steps) * self.step))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ways = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
        way = ways.get(Qt.Key(event.key())) if event.key() else None
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if way and held in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
            self.move(way * (10 if held else 1))
            event.accept()
        else:
            super().keyPressEvent(event)


class ChoiceBox(QComboBox):
    """A list to choose from; letters choose, they are no commands."""

    def __init__(self, entries: Sequence[tuple[str, object]] = (), *, name: str = "") -> None:
        """Take (title, value) pairs."""
        super().__init__()
        self.setAccessibleName(name)
        for title, value in entries:
            self.addItem(title, value)

    def event(self, event: QEvent) -> bool:
        """Keep letters from being taken for commands."""
        if event.type() == QEvent.Type.ShortcutOverride and is_typing(event):
            event.accept()
            return True
        return super().event(event)


class Segments(QWidget, Generic[T]):
    """A few choices side by side, one of them taken."""

    chosen = Signal(object)

    def __init__(self, entries: Sequence[tuple[str, T]], *, name: str = "") -> None:
        """Take (title, value) pairs; the first is taken."""
        super().__init__()
        self.setAccessibleName(name)
        self.values = [value for _, value in entries]
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for at, (title, _) in enumerate(entries):
            button = QToolButton(self)
            button.setProperty("segment", True)
            button.setText(title)
            button.setCheckable(True)
            button.setChecked(at == 0)
            button.setAccessibleName(f"{name} {title}".strip())
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._group.addButton(button, at)
            row.addWidget(button)
        row.addStretch(1)
        self._group.idClicked.connect(lambda at: self.chosen.emit(self.values[at]))

    @property
    def value(self) -> T:
        """Return what is taken."""
        return self.values[self._group.checkedId()]

    def choose(self, value: T) -> None:
        """Take a value, as if it were clicked; ValueError for one that is not here."""
        at = self.values.index(value)
        if at != self._group.checkedId():
            self._group.button(at).setChecked(True)
            self.chosen.emit(value)

    def retitle(self, value: T, title: str) -> None:
        """Write another title on a choice."""
        button = self._group.button(self.values.index(value))
        if button.text() != title:
            button.setText(title)

    def allow(self, value: T, is_allowed: bool) -> None:
        """Let a choice be taken, or not."""
        self._group.button(self.values.index(value)).setEnabled(is_allowed)

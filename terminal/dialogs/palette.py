"""The command palette: a line to type in, and the commands that fit it below.

It proposes; Enter asks for what is marked, through the same door as every key and click.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from terminal.actions import ACTIONS
from terminal.keymap import Keymap
from widgets.base.inputs import TextBox

SHOWN = 30
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what it says, and what Enter asks for."""

    title: str
    action: str
    keys: str = ""


Finder = Callable[[str], Iterable[Entry]]


def commands(keymap: Keymap) -> Finder:
    """Find actions that need no payload by any words of their title."""
    entries = [
        Entry(item.title, name, "  ".join(keymap.keys(name))) for name, item in ACTIONS.items() if item.menu or name.startswith("view.")
    ]

    def find(text: str) -> list[Entry]:
        words = text.lower().split()
        return [entry for entry in entries if all(word in f"{entry.title} {entry.action}".lower() for word in words)]

    return find


class Palette(QDialog):
    """A line to type in over a list."""

    requested = Signal(str, object)

    def __init__(self, finder: Finder, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Dialog)
        self.setWindowTitle(hint)
        self._finder = finder
        self._entries: list[Entry] = []
        self.line = TextBox(hint)
        self.line.installEventFilter(self)
        self.line.textChanged.connect(self.search)
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(lambda item: self.take())
        self.empty = QLabel("Nothing fits; try fewer letters.")
        self.empty.setVisible(False)
        column = QVBoxLayout(self)
        for widget in (self.line, self.list, self.empty):
            column.addWidget(widget)
        self.resize(520, 380)
        self.search("")

    def search(self, text: str) -> None:
        """List what fits the text."""
        self._entries = list(self._finder(text))[:SHOWN]
        self.list.clear()
        for entry in self._entries:
            self.list.addItem(QListWidgetItem(f"{entry.title}\t{entry.keys}" if entry.keys else entry.title))
        self.list.setCurrentRow(0)
        self.empty.setVisible(not self._entries and bool(text.strip()))

    def take(self) -> None:
        """Ask for the marked entry and close."""
        row = self.list.currentRow()
        if 0 <= row < len(self._entries):
            entry = self._entries[row]
            self.accept()
            self.requested.emit(entry.action, None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move in the list with the arrows, and take with Enter, while typing."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if not event.isAutoRepeat():
                    self.take()
                return True
            if event.key() in _MOVES:
                step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -8, Qt.Key.Key_PageDown: 8}[Qt.Key(event.key())]
                self.list.setCurrentRow(max(0, min(len(self._entries) - 1, self.list.currentRow() + step)))
                return True
        return False

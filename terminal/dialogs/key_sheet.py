"""Which key does what, as it is now: the sheet is written from the keys in force, so it is never out of date."""

from __future__ import annotations

from html import escape

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from terminal.actions import ACTIONS
from terminal.keymap import Keymap

SCOPES = {
    "grid": "On the focused row of a table, or on the chart",
    "ticket": "In an order ticket",
    "window": "Anywhere",
}
GUARDS = {"hold": " (hold it)", "hold or twice": " (hold it, or press it twice)"}


def sheet(keymap: Keymap) -> str:
    """Write the sheet as HTML: one table a scope."""
    pages: list[str] = []
    for scope, title in SCOPES.items():
        rows = [
            f"<tr><td><b>{escape('&nbsp;or&nbsp;'.join(keymap.keys(name))).replace('&amp;nbsp;', '&nbsp;')}</b>&nbsp;&nbsp;</td>"
            f"<td>{escape(item.title)}{GUARDS.get(item.guard, '')}</td></tr>"
            for name, item in ACTIONS.items()
            if item.scope == scope and keymap.keys(name)
        ]
        if rows:
            pages.append(f"<h3>{title}</h3><table cellpadding='2'>{''.join(rows)}</table>")
    return "".join(pages)


class KeySheet(QDialog):
    """The sheet, to be read."""

    def __init__(self, keymap: Keymap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.text = QTextBrowser()
        self.text.setHtml(sheet(keymap) + "<p>Change them in keymap.toml in the data folder, or take another set in the settings.</p>")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.buttons()[0].setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addWidget(buttons)
        self.resize(560, 620)

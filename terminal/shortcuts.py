"""Puts the keys in force under the window: menus, keys that act anywhere, and the keys each panel's rows answer to.

Keys of scope "grid" never become shortcuts: a panel reads them itself, for its focused row.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from terminal.actions import ACTIONS
from terminal.hold_keys import Guarded, HoldKeys
from terminal.keymap import Keymap

MENUS = {"Terminal": "&Terminal", "View": "&View", "Trade": "Tr&ade", "Strategy": "&Strategy", "Help": "&Help"}
"""Menu -> how it is written; the letter after & opens it with Alt, so no action may have that key."""


class Shortcuts:
    """The window's menus and keys."""

    def __init__(self, window: QMainWindow, keymap: Keymap, run: Callable[[str], object], hold_ms: int) -> None:
        self._window = window
        self._run = run
        self.keymap = keymap
        self.menus: dict[str, QMenu] = {}
        self.entries: dict[str, QAction] = {}
        for name, title in MENUS.items():
            self.menus[name] = window.menuBar().addMenu(title)
        for name, item in ACTIONS.items():
            if item.scope == "window":
                self._add(name, item.title, item.menu)
        self.hold = HoldKeys(self._guarded(), hold_ms, window)
        self.hold.fired.connect(run)
        self.bind(keymap)

    def _add(self, name: str, title: str, menu: str) -> None:
        entry = self.entries[name] = QAction(title, self._window)
        entry.setAutoRepeat(False)
        entry.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        entry.triggered.connect(lambda checked=False, name=name: self._run(name))
        self._window.addAction(entry)
        if menu:
            self.menus[menu].addAction(entry)

    def bind(self, keymap: Keymap) -> None:
        """Let other keys be in force."""
        self.keymap = keymap
        for name, entry in self.entries.items():
            keys = keymap.keys(name)
            if ACTIONS.get(name).guard:
                entry.setShortcuts([])
                entry.setText(f"{ACTIONS.get(name).title}\t{keys[0]} (hold)" if keys else ACTIONS.get(name).title)
            else:
                entry.setShortcuts([QKeySequence(key) for key in keys])
        self.hold.bind(self._guarded())

    def row_keys(self) -> dict[str, str]:
        """Return key -> action for what acts on a focused row."""
        return {key: binding.action for binding in self.keymap.bindings() if binding.scope == "grid" for key in binding.keys}

    def _guarded(self) -> dict[str, Guarded]:
        return {
            key: Guarded(name, is_twice="twice" in item.guard)
            for name, item in ACTIONS.items()
            if item.guard
            for key in self.keymap.keys(name)
        }

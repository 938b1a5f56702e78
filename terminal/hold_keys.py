"""Keys that end everything must be held, or pressed twice, before they act; a slip of the hand does nothing.

They work anywhere in the application, whatever has the focus, and never by a key that repeats itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent

from terminal.repeats import Releases
from widgets.base.keys import key_text

TWICE_MS = 1500
STEP_MS = 40
GRACE_MS = 60
"""A release counts when it was not the first half of a repeated key: the other half comes at once, or when we find time for it."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """An action behind a held key; `is_twice` lets a second press within 1.5 s do, too."""

    action: str
    is_twice: bool = False


class HoldKeys(QObject):
    """Watches all keys of the application for the guarded ones."""

    fired = Signal(str)
    """The action's name: it was held long enough, or pressed twice."""
    progressed = Signal(str, float)
    """The action's name and how much of the time has passed, 0 to 1; below 0 when it was let go."""

    def __init__(self, keys: Mapping[str, Guarded], hold_ms: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys = dict(keys)
        self.hold_ms = hold_ms
        self._held = ""
        self._since = QElapsedTimer()
        self._last: dict[str, QElapsedTimer] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._on_step)
        self._releases = Releases()
        self._grace = QTimer(self)
        self._grace.setSingleShot(True)
        self._grace.setInterval(GRACE_MS)
        self._grace.timeout.connect(self._let_go)

    def bind(self, keys: Mapping[str, Guarded]) -> None:
        """Guard these keys from now on."""
        self._keys = dict(keys)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take a guarded key before anything else sees it."""
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride) and isinstance(event, QKeyEvent):
            return self._on_press(event, is_override=kind == QEvent.Type.ShortcutOverride)
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            self._on_release(event)
        elif kind in (QEvent.Type.ApplicationDeactivate, QEvent.Type.ApplicationStateChange):
            self._let_go()
        return False

    def _on_press(self, event: QKeyEvent, *, is_override: bool) -> bool:
        key = key_text(event)
        guarded = self._keys.get(key)
        if guarded is None:
            return False
        if is_override:
            event.accept()
            return True
        if self._releases.is_repeat(event):
            self._grace.stop()
        elif self._held != key or self._grace.isActive():
            self._let_go()
            self._begin(key, guarded)
        return True

    def _begin(self, key: str, guarded: Guarded) -> None:
        last = self._last.get(key)
        if guarded.is_twice and last is not None and last.isValid() and last.elapsed() <= TWICE_MS:
            last.invalidate()
            self._fire(guarded.action)
            return
        pressed = self._last[key] = QElapsedTimer()
        pressed.start()
        self._held = key
        self._since.start()
        self._timer.start()
        self.progressed.emit(guarded.action, 0.0)

    def _on_release(self, event: QKeyEvent) -> None:
        self._releases.note(event)
        if not self._held or event.isAutoRepeat():
            return
        modifiers = (Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta)
        if event.key() in modifiers or Qt.Key(event.key()).name.rpartition("_")[2] == self._held.rpartition("+")[2]:
            self._grace.start()

    def _on_step(self) -> None:
        guarded = self._keys.get(self._held)
        if guarded is None:
            self._let_go()
            return
        part = self._since.elapsed() / self.hold_ms
        if part >= 1.0:
            self._last.pop(self._held, None)
            self._fire(guarded.action)
        else:
            self.progressed.emit(guarded.action, part)

    def _fire(self, action: str) -> None:
        self._timer.stop()
        self._grace.stop()
        self._held = ""
        self.progressed.emit(action, 1.0)
        self.fired.emit(action)

    def _let_go(self) -> None:
        self._grace.stop()
        if self._held:
            guarded = self._keys.get(self._held)
            self._timer.stop()
            self._held = ""
            if guarded is not None:
                self.progressed.emit(guarded.action, -1.0)

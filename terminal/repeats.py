"""Tells a key that is held from one that is pressed again, where the window system does not.

X11 repeats a held key as a release and a press of the same instant; when we are busy Qt sees the one without the other and takes it
for two presses. Whoever ignores repeats (every trading key does) must be able to trust the mark.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtGui import QKeyEvent, QWindow

SAME_INSTANT_MS = 2


class Releases:
    """Remembers when each key was let go."""

    def __init__(self) -> None:
        self._at_ms: dict[int, int] = {}

    def note(self, event: QKeyEvent) -> None:
        """Remember a release."""
        self._at_ms[event.key()] = event.timestamp()

    def is_repeat(self, event: QKeyEvent) -> bool:
        """Tell whether a press is only the other half of a release: marked as repeated, or of the same instant."""
        at_ms = self._at_ms.get(event.key(), 0)
        return event.isAutoRepeat() or 0 < at_ms <= event.timestamp() <= at_ms + SAME_INSTANT_MS


class Repeats(QObject):
    """Marks the repeated presses that came unmarked; to be installed on the application."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._releases = Releases()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass everything on, a repeated press with its mark."""
        if not isinstance(event, QKeyEvent) or not isinstance(watched, QWindow):
            return False
        if event.type() == QEvent.Type.KeyRelease:
            self._releases.note(event)
        elif event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat() and self._releases.is_repeat(event):
            marked = QKeyEvent(event.type(), event.key(), event.modifiers(), event.text(), True, event.count())
            QCoreApplication.sendEvent(watched, marked)
            return True
        return False

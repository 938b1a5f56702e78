"""A button that acts only when it is held: what it does cannot be taken back, and must never need a question."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QPushButton

from widgets.base.theme import Theme

STEP_MS = 40
HOLD_MS = 800


class HoldButton(QPushButton):
    """Fires once when it was held long enough, by mouse or Space; letting go earlier does nothing."""

    fired = Signal()

    def __init__(self, text: str, theme: Theme, *, hold_ms: int = HOLD_MS) -> None:
        super().__init__(text)
        self.hold_ms = hold_ms
        self._theme = theme
        self._held_ms = 0
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._on_step)
        self.setAutoDefault(False)
        self.setProperty("role", "danger")
        self.setToolTip("Hold the button down to do it.")
        self.pressed.connect(self._begin)
        self.released.connect(self._let_go)

    @property
    def progress(self) -> float:
        """How much of the time it has been held, 0 to 1."""
        return min(1.0, self._held_ms / self.hold_ms)

    def _begin(self) -> None:
        self._held_ms = 0
        self._timer.start()

    def _let_go(self) -> None:
        self._timer.stop()
        self._held_ms = 0
        self.update()

    def _on_step(self) -> None:
        self._held_ms += STEP_MS
        self.update()
        if self._held_ms >= self.hold_ms:
            self._let_go()
            self.fired.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            event.accept()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: Any) -> None:
        self._let_go()
        super().focusOutEvent(event)

    def paintEvent(self, event: Any) -> None:
        super().paintEvent(event)
        if self._held_ms:
            painter = QPainter(self)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.fillRect(QRect(1, self.height() - 4, round((self.width() - 2) * self.progress), 3), self._theme.colour("bad"))
            painter.end()

"""A bar that shows how much of a limit is used: calm below two thirds, a warning above, full when nothing more is allowed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.base.theme import Theme

WARN_AT = 2 / 3
HEIGHT = 6


class Meter(QWidget):
    """One bar; the figures beside it say the same in words."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self.share = 0.0
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_share(self, share: float) -> None:
        """Show how much is used, 1 being all of it; more than all is shown as all."""
        share = min(1.0, max(0.0, share))
        if share != self.share:
            self.share = share
            self.setAccessibleDescription(f"{share:.0%} used")
            self.update()

    @property
    def tone(self) -> str:
        """The theme's word for its colour."""
        return "bad" if self.share >= 1.0 else "warn" if self.share >= WARN_AT else "accent"

    def sizeHint(self) -> QSize:
        return QSize(80, HEIGHT)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("hover"))
        painter.fillRect(QRect(0, 0, round(self.width() * self.share), self.height()), self._theme.colour(self.tone))
        painter.end()

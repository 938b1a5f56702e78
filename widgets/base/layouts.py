"""How things stand in a panel: the strip of buttons above a table, labels and rules, all with the same small spaces."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from widgets.base.theme import Theme, face

GAP = 6


def column(owner: QWidget, *parts: QWidget) -> QVBoxLayout:
    """Fill a widget from top to bottom without any space between."""
    made = QVBoxLayout(owner)
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(0)
    for part in parts:
        made.addWidget(part)
    return made


def strip(*parts: QWidget | None) -> QWidget:
    """Put widgets side by side; None takes up the space that is left."""
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(GAP, 3, GAP, 3)
    row.setSpacing(GAP)
    for part in parts:
        if part is None:
            row.addStretch(1)
        else:
            row.addWidget(part)
    return made


class Rule(QWidget):
    """A thin line between two parts."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedHeight(1)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("line"))
        painter.end()


class Verb(QToolButton):
    """A small button that does something; it takes no focus away from the table beside it."""

    def __init__(self, theme: Theme, text: str, tip: str, on_click: Callable[[], object], icon: str = "") -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self.setProperty("verb", True)
        self.setText(text)
        self.setToolTip(tip)
        self.setAccessibleName(text or tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if icon:
            words = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly
            self.setToolButtonStyle(words)
            self._redraw()
            theme.changed.connect(self._redraw)
        self.clicked.connect(lambda: on_click())

    def _redraw(self) -> None:
        self.setIcon(self._theme.icon(self._icon))


class Label(QLabel):
    """A text in one of the theme's colours, which can change; painted by itself, for style sheets around it undo palettes."""

    def __init__(self, theme: Theme, text: str = "", tone: str = "text", *, points: int = 0, is_bold: bool = False) -> None:
        """`points` is added to the size of the window's type."""
        super().__init__(text)
        self._theme = theme
        self.word = tone
        """The theme's word for its colour."""
        self.setTextFormat(Qt.TextFormat.PlainText)
        if points or is_bold:
            size: int = QFont(self.font()).pointSize()
            self.setFont(face(size + points, is_bold=is_bold))
        theme.changed.connect(self.update)

    def tone(self, word: str) -> None:
        """Write it in the colour of a word from now on."""
        if word != self.word:
            self.word = word
            self.update()

    def say(self, text: str, tone: str = "") -> None:
        """Change the text, and its colour when one is given; costs nothing when nothing changed."""
        if text != self.text():
            self.setText(text)
        if tone:
            self.tone(tone)

    def paintEvent(self, event: QPaintEvent) -> None:
        margin = self.margin()
        flags = int(self.alignment()) | (int(Qt.TextFlag.TextWordWrap) if self.wordWrap() else 0)
        painter = QPainter(self)
        painter.setPen(self._theme.colour(self.word))
        painter.drawText(self.contentsRect().adjusted(margin, margin, -margin, -margin), flags, self.text())
        painter.end()

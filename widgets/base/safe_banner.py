"""A line across the window in safe mode: what may still be done, why, and the two ways on. It goes when safe mode ends."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolBar, QWidget

from engine.core.model import SAFE_MODE
from engine.view import EngineView
from widgets.base.layouts import Label, Verb
from widgets.base.theme import Theme

MAY = "Only cancels and your own exits pass."


class SafeBanner(QToolBar):
    """Stands under the menus."""

    requested = Signal(str, object)
    """`backup.show` or `account.resume`."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__("Safe mode")
        self._view, self._theme = view, theme
        self.setObjectName("safe_mode")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.toggleViewAction().setVisible(False)
        self.reason = _Elided(theme)
        self.restore = Verb(theme, "Restore a backup…", "List the copies of the database, and put one back", self._ask_restore)
        self.resume = Verb(theme, "Resume trading…", "Asks for the reason, which is kept in the journal", self._ask_resume, "start")
        self._sign = QLabel()
        self.addWidget(self._content())
        theme.changed.connect(self._take_theme)
        view.risk_changed.connect(self._on_risk)
        view.cleared.connect(self._on_risk)
        self._take_theme()
        self._on_risk()

    def _content(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(10, 3, 8, 3)
        row.setSpacing(8)
        row.addWidget(self._sign)
        row.addWidget(Label(self._theme, "SAFE MODE", "bad", is_bold=True))
        row.addWidget(Label(self._theme, MAY))
        row.addWidget(self.reason, 1)
        row.addWidget(self.restore)
        row.addWidget(self.resume)
        return made

    def _take_theme(self) -> None:
        self._sign.setPixmap(self._theme.icon("emergency", "bad").pixmap(16, 16))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("bad_ground"))
        painter.end()

    def _on_risk(self, _: object = None) -> None:
        status = self._view.risk
        self.setVisible(self._view.is_safe_mode)
        if status is not None and self._view.is_safe_mode:
            why = "; ".join(each.reason for each in status.restraints if each.control == SAFE_MODE)
            self.reason.say(f"{why[:1].upper()}{why[1:]}.")

    def _ask_restore(self) -> None:
        self.requested.emit("backup.show", None)

    def _ask_resume(self) -> None:
        self.requested.emit("account.resume", None)


class _Elided(QWidget):
    """A sentence on one line, cut where there is no more room; all of it is in its tip."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def say(self, text: str) -> None:
        """Show a sentence."""
        if text != self._text:
            self._text = text
            self.setToolTip(text)
            self.setAccessibleName(text)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._theme.colour("muted"))
        shown = QFontMetrics(self.font()).elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        painter.end()

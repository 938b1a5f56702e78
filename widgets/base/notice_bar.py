"""Sentences for the trader, in the corner of the window: they never steal the focus and never have to be clicked away to trade.

What is only said goes by itself; a warning stays longer; what is critical stays until it is acknowledged, here or elsewhere.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.core.alerts import AlertEvent
from engine.view import EngineView
from widgets.base.layouts import Label, Verb
from widgets.base.theme import Theme

MOST = 3
WIDTH, EDGE = 460, 12
FOOT = 36
"""Room for the status bar, which no notice may hide."""

STAYS_MS = {"info": 5_000, "warning": 12_000, "critical": 0}
"""By level; 0 stays until it is closed."""

LOOKS = {
    "info": ("info", "info_ground", "accent"),
    "warning": ("warning", "warn_ground", "warn"),
    "critical": ("emergency", "bad_ground", "bad"),
}


class Notice(QFrame):
    """One sentence."""

    def __init__(self, theme: Theme, level: str, text: str) -> None:
        super().__init__()
        self.level, self.text = level, text
        self.times = 1
        self._theme = theme
        self.setAccessibleName(f"{level}: {text}")
        self._sign = QLabel()
        self._label = Label(theme, text)
        self._label.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 6, 4)
        row.setSpacing(8)
        row.addWidget(self._sign)
        row.addWidget(self._label, 1)
        tip = "Acknowledge this alarm" if level == "critical" else "Close this notice"
        self.close_button = Verb(theme, "", tip, self._on_close, "close")
        row.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        theme.changed.connect(self._take_theme)
        self._take_theme()
        self.stay()

    def _take_theme(self) -> None:
        icon, _, ink = LOOKS[self.level]
        self._sign.setPixmap(self._theme.icon(icon, ink).pixmap(16, 16))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour(LOOKS[self.level][1]))
        painter.end()

    def stay(self) -> None:
        """Count its time from now."""
        if STAYS_MS[self.level]:
            self._timer.start(STAYS_MS[self.level])

    def repeat(self) -> None:
        """Say that the same was said again."""
        self.times += 1
        self._label.setText(f"{self.text}  (×{self.times})")
        self.stay()

    def _on_close(self) -> None:
        bar = self.parent()
        if isinstance(bar, NoticeBar):
            bar.acknowledge(self)
        self.dismiss()

    def dismiss(self) -> None:
        """Go away."""
        self._timer.stop()
        self.hide()
        self.deleteLater()
        bar = self.parent()
        if isinstance(bar, NoticeBar):
            bar.forget(self)


class NoticeBar(QWidget):
    """The newest few notices, the newest on top. With a parent it lies over its lower right corner; without, it stands in a layout."""

    requested = Signal(str, object)
    """`alert.acknowledge` for an alarm that was closed by hand."""

    def __init__(self, view: EngineView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view, self._theme = view, theme
        self.notices: list[Notice] = []
        self._stack = QVBoxLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.setSpacing(2)
        self.hide()
        if parent is not None:
            parent.installEventFilter(self)
        view.notice_given.connect(self.say)
        view.alert_told.connect(self._on_told)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._place()
        return False

    def _place(self) -> None:
        parent = self.parentWidget()
        if parent is None or not self.notices:
            return
        width = min(WIDTH, parent.width() - 2 * EDGE)
        self.setFixedWidth(width)
        height = max(self._stack.totalHeightForWidth(width), self._stack.totalMinimumSize().height())
        self.setGeometry(parent.width() - width - EDGE, parent.height() - height - FOOT, width, height)
        self.raise_()

    def say(self, level: str, text: str) -> None:
        """Show a sentence; the same one again is counted, not repeated."""
        level = level if level in LOOKS else "info"
        same = next((notice for notice in self.notices if notice.text == text and notice.level == level), None)
        if same is not None:
            same.repeat()
            return
        notice = Notice(self._theme, level, text)
        self.notices.insert(0, notice)
        self._stack.insertWidget(0, notice)
        while len(self.notices) > MOST:
            (next((old for old in reversed(self.notices) if old.level != "critical"), None) or self.notices[-1]).dismiss()
        self.show()
        self._place()

    def acknowledge(self, notice: Notice) -> None:
        """Ask to note that the alarm of this notice was seen."""
        ids = [event.id for event in self._view.alert_events.values() if event.is_waiting and event.text == notice.text]
        if ids and notice.level == "critical":
            self.requested.emit("alert.acknowledge", {"ids": ids})

    def _on_told(self, event: AlertEvent) -> None:
        """Take an alarm away that was acknowledged elsewhere."""
        if event.acknowledged_ns:
            for notice in [each for each in self.notices if each.level == "critical" and each.text == event.text]:
                notice.dismiss()

    def forget(self, notice: Notice) -> None:
        """Take a notice that goes away off the list."""
        if notice in self.notices:
            self.notices.remove(notice)
            self._stack.removeWidget(notice)
        self.setVisible(bool(self.notices))
        self._place()

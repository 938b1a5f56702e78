"""The line at the foot of every window: is this real money, is the feed alive, what is the market doing, how fast do we order."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QStatusBar

from engine.core.model import LinkState, Phase
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import by_sign
from widgets.base.frames import Frames
from widgets.base.layouts import Label
from widgets.base.theme import Theme, face

TICK_MS = 500
SLOW_FEED_S = 1.0
DEAD_FEED_S = 5.0
MESSAGES_SOFT, MESSAGES_HARD = 5.0, 8.0

MODES = {"paper": "PAPER", "live": "LIVE", "replay": "REPLAY"}

LINKS = {
    LinkState.DISCONNECTED: ("not connected", "bad"),
    LinkState.CONNECTING: ("connecting", "warn"),
    LinkState.RECONCILING: ("reconciling", "warn"),
    LinkState.LIVE: ("connected", "muted"),
    LinkState.RELOGIN: ("log in again", "bad"),
}


class Chip(QLabel):
    """A word on a ground of its own colour."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.word = "muted"
        """The theme's word for the ground."""
        self.setContentsMargins(8, 1, 8, 1)
        self.setFont(face(self.font().pointSize(), is_bold=True))
        theme.changed.connect(self.update)

    def say(self, text: str, word: str) -> None:
        """Change the text and the colour of its ground."""
        if text != self.text() or word != self.word:
            self.setText(text)
            self.word = word
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour(self.word))
        painter.drawRoundedRect(self.rect().adjusted(2, 1, -2, -1), 3, 3)
        painter.setPen(self._theme.colour("panel"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())
        painter.end()


class StatusBar(QStatusBar):
    """Mode, link, feed, phase, profit of the day, rate of messages, time of the market."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__()
        self.view = view
        self._frames = Frames.of(view)
        self.mode = Chip(theme)
        self.link, self.feed, self.phase = Label(theme, tone="muted"), Label(theme, tone="muted"), Label(theme, tone="muted")
        self.day, self.rate, self.clock = Label(theme, tone="muted"), Label(theme, tone="muted"), Label(theme, tone="muted")
        self.alarms = Label(theme, tone="bad", is_bold=True)
        self.alarms.setToolTip("Alarms that nobody has acknowledged: Shift+F6 shows them, Ctrl+Shift+A acknowledges all")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(2, 0, 8, 0)
        for label in (self.mode, self.link, self.feed, self.phase):
            label.setMargin(2)
            self.addWidget(label)
        for label in (self.alarms, self.day, self.rate, self.clock):
            label.setMargin(2)
            self.addPermanentWidget(label)
        self.feed.setToolTip("How long ago the feed was last heard")
        self.rate.setToolTip("Orders, changes and cancels in the last second; 8 is the most we send")
        self.clock.setToolTip("Time of the market, India")
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        for signal in (view.link_changed, view.phase_changed, view.risk_changed, view.account_changed, view.alert_told, view.cleared):
            signal.connect(self._on_change)
        self.refresh()

    def _on_change(self, *_: object) -> None:
        self._frames.ask(self.refresh)

    def refresh(self) -> None:
        """Write everything anew; what did not change costs nothing."""
        view = self.view
        self.mode.say(MODES.get(view.mode, view.mode.upper()), view.mode if view.mode in MODES else "muted")
        text, tone = LINKS[view.link]
        reason = f": {view.link_reason}" if view.link_reason and view.link is not LinkState.LIVE else ""
        self.link.say(f"{view.broker_name or 'broker'} {text}{reason}", tone)
        self._say_feed()
        waiting = sum(1 for event in view.alert_events.values() if event.is_waiting)
        self.alarms.say(numbers.count(waiting, "alarm") if waiting else "")
        phase = view.phase_text or view.phase.value
        self.phase.say(phase[:1].upper() + phase[1:], "text" if view.phase is Phase.CONTINUOUS else "muted")
        account = view.account
        if account is None:
            self.day.say("")
        else:
            units = account.day_pnl_units
            self.day.say(f"Day {numbers.arrow(units)} {numbers.signed_money(units)}", by_sign(units))
        rate = view.risk.messages_per_s if view.risk is not None else 0.0
        self.rate.say(
            f"{rate:g}/{MESSAGES_HARD:g} orders/s", "bad" if rate >= MESSAGES_HARD else "warn" if rate >= MESSAGES_SOFT else "muted"
        )
        self.clock.say(numbers.day_clock(view.now_ns))

    def _say_feed(self) -> None:
        age = self._frames.feed_age_s
        if age == float("inf"):
            self.feed.say("no feed yet", "muted")
            return
        is_trading = self.view.phase is Phase.CONTINUOUS
        tone = "bad" if age > DEAD_FEED_S else "warn" if age > SLOW_FEED_S else "muted"
        self.feed.say(f"feed {numbers.age(age)}", tone if is_trading else "muted")

"""The head of a ticket: which side, of what, at which price, and how old that price is; its colour is the side's."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QWidget

from engine.core.model import Instrument, Quote, Side
from widgets.base import numbers
from widgets.base.layouts import Label
from widgets.base.theme import Theme

AMBER_S, FADE_S = 1.0, 3.0


class TicketHead(QWidget):
    """Buy at the left, Sell at the right: two places, two words, two arrows, two colours."""

    side_chosen = Signal(object)

    def __init__(self, theme: Theme, instrument: Instrument, side: Side | None) -> None:
        super().__init__()
        self._theme = theme
        self.side = side
        self._symbol = Label(theme, instrument.symbol, "on_side", points=4, is_bold=True)
        self._name = Label(theme, f"{instrument.exchange}  {instrument.name}".rstrip(), "on_side")
        self._last = Label(theme, numbers.NONE, "on_side", points=4, is_bold=True)
        self._age = Label(theme, "no quote yet", "on_side")
        self.buttons = {Side.BUY: QPushButton("Buy"), Side.SELL: QPushButton("Sell")}
        sides = QHBoxLayout()
        sides.setSpacing(10)
        for which, button in self.buttons.items():
            button.setAutoDefault(False)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setIconSize(QSize(16, 16))
            button.clicked.connect(lambda _=False, which=which: self.choose(which))
            sides.addWidget(button, 1)
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 10, 14, 10)
        grid.setVerticalSpacing(2)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(self._symbol, 0, 0)
        grid.addWidget(self._last, 0, 1, right)
        grid.addWidget(self._name, 1, 0)
        grid.addWidget(self._age, 1, 1, right)
        grid.addLayout(sides, 2, 0, 1, 2)
        grid.setRowMinimumHeight(2, 36)
        grid.setColumnStretch(0, 1)
        theme.changed.connect(self._recolour)
        self._recolour()

    def choose(self, side: Side) -> None:
        """Take a side; taking the one that is taken changes nothing."""
        has_changed = side is not self.side
        self.side = side
        self._recolour()
        if has_changed:
            self.side_chosen.emit(side)

    def show_quote(self, quote: Quote | None, age_s: float, is_trading: bool, decimals: int) -> None:
        """Write the last price and its age; an old one says so in words, not only by fading."""
        if quote is None or not quote.last_price:
            return
        change = numbers.percent(quote.change_pct)
        self._last.say(numbers.price(quote.last_price, decimals))
        is_old = is_trading and age_s > AMBER_S
        text = f"{numbers.arrow(quote.change_pct)} {change}"
        self._age.say(f"{text}   OLD, {numbers.age(age_s)}" if is_old else f"{text}   {numbers.age(age_s)}")
        calm = "text" if self.side is None else "on_side"
        self._last.tone("warn" if is_trading and age_s > FADE_S and self.side is None else calm)

    @property
    def ground(self) -> str:
        """The theme's word for its colour: the side's."""
        return {Side.BUY: "buy_ground", Side.SELL: "sell_ground"}[self.side] if self.side is not None else "raised"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour(self.ground))
        painter.end()

    def _recolour(self) -> None:
        for label in (self._symbol, self._name, self._last, self._age):
            label.tone("on_side" if self.side is not None else "text")
        self.update()
        for which, button in self.buttons.items():
            is_taken = which is self.side
            button.setChecked(is_taken)
            button.setText(which.name.capitalize() if not is_taken else which.name)
            button.setIcon(self._theme.icon("buy" if which is Side.BUY else "sell", "text"))
            font = button.font()
            font.setBold(is_taken)
            button.setFont(font)

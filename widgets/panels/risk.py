"""What the account may still lose today, how much of each limit is used, and the two held buttons that stop everything.

The state is written out: ACTIVE trades, REDUCING only closes, HALTED only cancels. Nothing here asks before it stops.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from engine.core.model import Account, RiskStatus, TradingState
from engine.core.registry import RULES
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import by_sign
from widgets.base.hold import HoldButton
from widgets.base.layouts import Label, Rule, Verb
from widgets.base.meter import Meter
from widgets.base.panel import RIGHT, Panel, panel
from widgets.base.theme import Theme

STATES = {
    TradingState.ACTIVE: ("● ACTIVE", "good", "Orders pass when no limit refuses them."),
    TradingState.REDUCING: ("▲ REDUCING", "warn", "Only orders that reduce a position pass."),
    TradingState.HALTED: ("■ HALTED", "bad", "Nothing is sent but cancels."),
}

TITLES = {
    "cash": "Capital in use",
    "max_positions": "Open positions",
    "max_position_size": "Largest position",
    "max_daily_loss": "Loss of the day",
    "max_drawdown": "Drawdown",
    "message_rate": "Orders a second",
    "max_order_value": "Value of an order",
    "max_order_quantity": "Quantity of an order",
    "price_collar": "Distance from the last price",
    "quote_age": "Age of the quote",
    "duplicate_order": "Same order again after",
    "market_hours": "Market hours only",
}
"""Rules as a trader says them; a rule that is not here goes by its name."""

FIGURES = ("Equity", "Cash", "Exposure", "Realised", "Unrealised", "Charges", "Drawdown")


def title_of(rule: str) -> str:
    """Return how a rule is called on the screen."""
    return TITLES.get(rule, rule.replace("_", " ").capitalize())


def in_unit(rule: str, value: float) -> str:
    """Write a limit, or how much of it is used, in the rule's unit."""
    unit = "%" if rule == "cash" else RULES.get(rule).unit if rule in RULES.names() else ""
    if unit == "rupees":
        return numbers.decimal(value, 0)
    if unit == "on":
        return "on" if value else "off"
    if unit.startswith("%"):
        return f"{numbers.decimal(value, 1)}%"
    text = numbers.decimal(value, 0 if value == int(value) else 1)
    return f"{text} s" if unit == "seconds" else text


@dataclass(frozen=True, slots=True)
class _Gauge:
    text: Label
    meter: Meter


@panel("Risk", area=RIGHT)
class Risk(Panel):
    """State, figures, limits, stops."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.state = Label(theme, "–", "muted", points=3, is_bold=True)
        self.reason = Label(theme, "The engine is starting.", "muted")
        self.reason.setWordWrap(True)
        self.day = Label(theme, numbers.NONE, "muted", points=6, is_bold=True)
        self.figures = {name: Label(theme, numbers.NONE) for name in FIGURES}
        self.gauges: dict[str, _Gauge] = {}
        self._rest: dict[str, Label] = {}
        self._limits: QGridLayout
        self._others: QGridLayout
        self.kill = HoldButton("Hold to KILL", theme)
        self.kill.setToolTip("Hold: stop every strategy, cancel every order, send nothing more until resumed (Ctrl+Shift+K)")
        self.flatten = HoldButton("Hold to flatten", theme)
        self.flatten.setToolTip("Hold: cancel every order and close every position at the market (Ctrl+Shift+F)")
        self.resume = Verb(theme, "Resume trading", "Let orders pass again after a halt", self._ask_resume, "start")
        self.resume.hide()
        self._build()
        self.kill.fired.connect(self._ask_kill)
        self.flatten.fired.connect(self._ask_flatten)
        view.risk_changed.connect(self._on_change)
        view.account_changed.connect(self._on_change)
        view.cleared.connect(self._on_change)
        self._show()

    def _build(self) -> None:
        body = QWidget()
        stack = QVBoxLayout(body)
        stack.setContentsMargins(12, 10, 12, 10)
        stack.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self.state)
        head.addStretch(1)
        head.addWidget(self.resume)
        stack.addLayout(head)
        stack.addWidget(self.reason)
        stack.addWidget(Label(self.theme, "Profit of the day, after charges", "muted"))
        stack.addWidget(self.day)
        stack.addLayout(self._figure_grid())
        stack.addWidget(Rule(self.theme))
        self._limits, self._others = QGridLayout(), QGridLayout()
        for grid in (self._limits, self._others):
            grid.setVerticalSpacing(4)
            grid.setColumnStretch(0, 1)
            stack.addLayout(grid)
        stack.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        body.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(12, 6, 12, 10)
        buttons.setSpacing(8)
        buttons.addWidget(self.flatten, 1)
        buttons.addWidget(self.kill, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addLayout(buttons)

    def _figure_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(0, 1)
        for row, (name, label) in enumerate(self.figures.items()):
            grid.addWidget(Label(self.theme, name, "muted"), row, 0)
            grid.addWidget(label, row, 1, Qt.AlignmentFlag.AlignRight)
        return grid

    def _ask_kill(self) -> None:
        self.requested.emit("account.kill", None)

    def _ask_flatten(self) -> None:
        self.requested.emit("account.flatten", None)

    def _ask_resume(self) -> None:
        self.requested.emit("account.resume", None)

    def _on_change(self, record: object = None) -> None:
        self.frames.ask(self._show)

    def _show(self) -> None:
        status = self.view.risk
        account = self.view.account or (status.account if status is not None else None)
        if account is not None:
            self._show_account(account)
        if status is not None:
            self._show_status(status)

    def _show_account(self, account: Account) -> None:
        day = account.day_pnl_units
        share = f"  ({numbers.percent(100.0 * day / account.day_start_units)})" if account.day_start_units else ""
        self.day.say(f"{numbers.arrow(day)} {numbers.signed_money(day)}{share}".strip(), by_sign(day))
        plain = {
            "Equity": account.equity_units,
            "Cash": account.cash_units,
            "Exposure": account.exposure_units,
            "Charges": account.charges_units,
        }
        for name, units in plain.items():
            self.figures[name].say(numbers.money(units))
        for name, units in (("Realised", account.realised_units), ("Unrealised", account.unrealised_units)):
            self.figures[name].say(numbers.signed_money(units), by_sign(units))
        self.figures["Drawdown"].say(f"{numbers.decimal(account.drawdown_pct)}%")

    def _show_status(self, status: RiskStatus) -> None:
        title, tone, meaning = STATES[status.state]
        self.state.say(title, tone)
        denied = f" {numbers.count(status.denied, 'order')} denied today." if status.denied else ""
        self.reason.say(f"{status.reason or meaning}{denied}", "muted" if status.state is TradingState.ACTIVE else tone)
        self.resume.setVisible(status.state is not TradingState.ACTIVE)
        for rule, limit in status.limits.items():
            ceiling = 100.0 if rule == "cash" else limit
            if ceiling <= 0:
                continue
            if rule in status.used:
                self._gauge(rule, status.used[rule], ceiling)
            else:
                self._plain(rule, limit)

    def _gauge(self, rule: str, used: float, ceiling: float) -> None:
        if rule not in self.gauges:
            gauge = self.gauges[rule] = _Gauge(Label(self.theme), Meter(self.theme, title_of(rule)))
            row = self._limits.rowCount()
            self._limits.addWidget(Label(self.theme, title_of(rule), "muted"), row, 0)
            self._limits.addWidget(gauge.text, row, 1, Qt.AlignmentFlag.AlignRight)
            self._limits.addWidget(gauge.meter, row + 1, 0, 1, 2)
        gauge = self.gauges[rule]
        gauge.meter.set_share(used / ceiling)
        tone = gauge.meter.tone
        gauge.text.say(f"{in_unit(rule, used)} of {in_unit(rule, ceiling)}", tone if tone != "accent" else "text")

    def _plain(self, rule: str, limit: float) -> None:
        if rule not in self._rest:
            row = self._others.rowCount()
            self._rest[rule] = Label(self.theme)
            self._others.addWidget(Label(self.theme, title_of(rule), "faint"), row, 0)
            self._others.addWidget(self._rest[rule], row, 1, Qt.AlignmentFlag.AlignRight)
        self._rest[rule].say(in_unit(rule, limit), "muted")

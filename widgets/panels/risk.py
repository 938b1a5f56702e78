"""What the account may still lose today, how much of each limit is used, and the two held buttons that stop everything.

The state is written out: ACTIVE trades, REDUCING only closes, HALTED only cancels, and exits by hand. Nothing here asks before it stops.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from engine.core.model import Account, RiskStatus, TradingState
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.budgets import OWN, Budgets
from widgets.base.columns import by_sign
from widgets.base.gauges import Gauges
from widgets.base.held_back import HeldBack
from widgets.base.hold import HoldButton
from widgets.base.layouts import Label, Rule, Verb
from widgets.base.panel import RIGHT, Panel, panel
from widgets.base.rule_titles import in_unit, title_of
from widgets.base.theme import Theme

STATES = {
    TradingState.ACTIVE: ("● ACTIVE", "good", "Orders pass when no limit refuses them."),
    TradingState.REDUCING: ("▲ REDUCING", "warn", "Only orders that reduce a position pass."),
    TradingState.HALTED: ("■ HALTED", "bad", "Only cancels and your own exits pass."),
}

FIGURES = ("Equity", "Cash", "Exposure", "Realised", "Unrealised", "Charges", "Drawdown")


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
        self.held = HeldBack(view, theme)
        self.budgets = Budgets(view, theme)
        self.limits = Gauges(theme)
        self._rest: dict[str, Label] = {}
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
        self.held.requested.connect(self.requested)
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
        stack.addWidget(Rule(self.theme))
        stack.addWidget(self.held)
        stack.addWidget(Rule(self.theme))
        stack.addWidget(Label(self.theme, "Profit of the day, after charges", "muted"))
        stack.addWidget(self.day)
        stack.addLayout(self._figure_grid())
        stack.addWidget(Rule(self.theme))
        stack.addLayout(self.limits)
        stack.addWidget(Rule(self.theme))
        stack.addWidget(self.budgets)
        stack.addWidget(Rule(self.theme))
        self._others = QGridLayout()
        self._others.setVerticalSpacing(4)
        self._others.setColumnStretch(0, 1)
        stack.addLayout(self._others)
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
        self.held.show_status(status)
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
        # Each cause of the account's stop stands below, with what ends it; said twice it would only be longer.
        is_told = any(not (restraint.owner or restraint.key) for restraint in status.restraints)
        why = "" if is_told else status.reason
        self.reason.say(f"{why or meaning}{denied}", "muted" if status.state is TradingState.ACTIVE else tone)
        self.resume.setVisible(status.state is not TradingState.ACTIVE)
        self.budgets.show_budgets(status.budgets)
        for rule, limit in status.limits.items():
            ceiling = 100.0 if rule == "cash" else limit
            if ceiling <= 0:
                continue
            if rule in status.used and rule not in OWN:
                used = status.used[rule]
                self.limits.put(rule, title_of(rule), f"{in_unit(rule, used)} of {in_unit(rule, ceiling)}", used / ceiling)
            else:
                self._plain(rule, limit)

    def _plain(self, rule: str, limit: float) -> None:
        if rule not in self._rest:
            row = self._others.rowCount()
            self._rest[rule] = Label(self.theme)
            self._others.addWidget(Label(self.theme, title_of(rule), "faint"), row, 0)
            self._others.addWidget(self._rest[rule], row, 1, Qt.AlignmentFlag.AlignRight)
        self._rest[rule].say(in_unit(rule, limit), "muted")

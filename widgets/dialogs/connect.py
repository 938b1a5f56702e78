"""Connects to a broker: which one, with which key, logged in or not, and whether real money is at stake.

A secret is handed over once and never shown again; it lies in the system's keyring. Real money needs the account's id typed by hand.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.core.model import Login
from widgets.base import numbers
from widgets.base.inputs import Segments, TextBox
from widgets.base.layouts import Label, Rule
from widgets.base.theme import Theme

DEMO, ZERODHA = "simulated", "zerodha"
PAPER, LIVE = "paper", "live"

KEPT = "kept in the keyring; type to replace it"
ABOUT = {
    DEMO: "A market generated on this computer, for trying things out. No account, no money.",
    ZERODHA: "Zerodha's Kite Connect. API key and secret come from your app at developers.kite.trade; the secret is kept in this "
    "computer's keyring, nowhere else. The redirect URL of that app must be the address below.",
}


class ConnectDialog(QDialog):
    """Asks for a broker; blocks nothing."""

    requested = Signal(str, object)

    def __init__(self, login: Login, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.login, self.theme = login, theme
        self.setWindowTitle("Connect")
        self.broker: Segments[str] = Segments([("Demo market", DEMO), ("Zerodha Kite", ZERODHA)], name="Broker")
        self.mode: Segments[str] = Segments([("Paper", PAPER), ("Live", LIVE)], name="Mode")
        self.api_key = TextBox("from your app's page", name="API key")
        self.api_secret = TextBox(name="API secret")
        self.api_secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.redirect = TextBox(name="Redirect URL")
        self.redirect.setReadOnly(True)
        self.pasted = TextBox("or paste here the address that the browser ended at", name="Request token")
        self.account = TextBox(name="Account id")
        self.about, self.state, self.fault = Label(theme, tone="muted"), Label(theme, is_bold=True), Label(theme, tone="bad")
        self.log_in, self.log_out, self.use = QPushButton("Log in…"), QPushButton("Log out"), QPushButton("Trade here")
        self._form = QFormLayout()
        self._build()
        self._wire()
        if login.broker in self.broker.values:
            self.broker.choose(login.broker)
        self.mode.choose(login.mode)
        self.api_key.setText(login.api_key)
        self.show_login(login)

    def _build(self) -> None:
        for label in (self.about, self.state, self.fault):
            label.setWordWrap(True)
        self.about.setMinimumHeight(2 * self.theme.row_height)
        self.fault.setMinimumHeight(2 * self.theme.row_height - 8)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("Broker", self.broker),
            ("API key", self.api_key),
            ("API secret", self.api_secret),
            ("Redirect URL", self.redirect),
            ("Browser", self.pasted),
            ("Orders", self.mode),
            ("Account id", self.account),
        )
        self._form.setVerticalSpacing(6)
        self._form.setHorizontalSpacing(10)
        for title, field in rows:
            self._form.addRow(Label(self.theme, title, "muted"), field)
        buttons = QHBoxLayout()
        close = QPushButton("Close (Esc)")
        close.clicked.connect(self.reject)
        for button in (self.log_in, self.log_out, self.use, close):
            button.setAutoDefault(False)
        for part in (self.log_in, self.log_out):
            buttons.addWidget(part)
        buttons.addStretch(1)
        for part in (self.use, close):
            buttons.addWidget(part)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 12)
        outer.setSpacing(10)
        outer.addWidget(self.about)
        outer.addWidget(Rule(self.theme))
        outer.addLayout(self._form)
        outer.addWidget(self.state)
        outer.addWidget(self.fault)
        outer.addLayout(buttons)
        self.resize(560, 0)

    def _wire(self) -> None:
        for choice in (self.broker, self.mode):
            choice.chosen.connect(self._check)
        for box in (self.api_key, self.api_secret, self.account):
            box.textChanged.connect(self._check)
        self.pasted.returnPressed.connect(self._paste)
        self.log_in.clicked.connect(self._log_in)
        self.log_out.clicked.connect(lambda: self.requested.emit("broker.logout", None))
        self.use.clicked.connect(self._use)

    def show_login(self, login: Login) -> None:
        """Show how it stands now."""
        self.login = login
        self.redirect.setText(login.redirect)
        self.api_secret.setPlaceholderText(KEPT if login.has_secret else "from your app's page")
        self._check()

    @property
    def is_logged_in(self) -> bool:
        """Tell whether the key that is typed is the one that is logged in."""
        return bool(self.login.user_id) and self.api_key.text().strip() == self.login.api_key

    def problem(self) -> str:
        """Say what keeps the chosen broker from being used; "" when nothing does."""
        if self.broker.value == DEMO:
            return ""
        if not self.api_key.text().strip():
            return "Give the API key."
        if not (self.api_secret.text() or self.login.has_secret):
            return "Give the API secret."
        if not self.is_logged_in:
            return "Log in; a log-in lasts until 6 in the morning."
        if self.mode.value == LIVE and self.account.text().strip().upper() != self.login.user_id.upper():
            return f"LIVE sends orders with real money: type {self.login.user_id} as account id to confirm."
        return ""

    def _check(self, _: object = None) -> None:
        is_zerodha, login, problem = self.broker.value == ZERODHA, self.login, self.problem()
        self.about.say(ABOUT[self.broker.value])
        for field in (self.api_key, self.api_secret, self.redirect, self.mode):
            self._form.setRowVisible(field, is_zerodha)
        self._form.setRowVisible(self.pasted, is_zerodha and login.is_waiting)
        self._form.setRowVisible(self.account, is_zerodha and self.mode.value == LIVE and self.is_logged_in)
        self.log_in.setVisible(is_zerodha)
        self.log_out.setVisible(is_zerodha and self.is_logged_in)
        self.log_in.setEnabled(bool(self.api_key.text().strip() and (self.api_secret.text() or login.has_secret)))
        self.log_in.setText("Log in again…" if self.is_logged_in else "Open the browser again…" if login.is_waiting else "Log in…")
        self.use.setEnabled(not problem)
        self.use.setText("Trade LIVE here" if is_zerodha and self.mode.value == LIVE else "Trade here")
        self.state.setVisible(is_zerodha)
        self.state.say(self._told())
        self.fault.say(login.message or problem, "bad" if login.message or self.mode.value == LIVE else "muted")

    def _told(self) -> str:
        login = self.login
        if login.is_waiting:
            return "Waiting for the browser: log in there, and come back."
        if self.is_logged_in:
            who = f"{login.user_name}, {login.user_id}" if login.user_name else login.user_id
            return f"Logged in as {who} until {numbers.moment(login.expires_ns):%a %H:%M}."
        return "Not logged in."

    def _log_in(self) -> None:
        secret = self.api_secret.text()
        self.api_secret.clear()
        self.requested.emit("broker.login", {"api_key": self.api_key.text().strip(), "api_secret": secret})

    def _paste(self) -> None:
        if self.pasted.text().strip():
            self.requested.emit("broker.paste", self.pasted.text().strip())
            self.pasted.clear()

    def _use(self) -> None:
        if not self.problem():
            mode = self.mode.value if self.broker.value == ZERODHA else PAPER
            self.requested.emit("broker.use", {"broker": self.broker.value, "mode": mode})
            self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return  # nothing here is sent by accident
        super().keyPressEvent(event)

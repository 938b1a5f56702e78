"""The lower half of the alerts' settings: try each channel, and say where messages to afar go.

An address holds a password or a token: it is typed hidden, goes to the keyring, and is never shown again.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QPushButton, QVBoxLayout, QWidget

from engine.view import EngineView
from widgets.base.inputs import TextBox
from widgets.base.layouts import Label, Rule
from widgets.base.theme import Theme

CHANNELS = (("window", "Window"), ("sound", "Sound"), ("desktop", "Desktop"), ("remote", "Phone and mail"))
HINT = "tgram://token/chat, mailto://user:password@host, and all else that apprise knows"


class AlertChannels(QWidget):
    """Test buttons and the list of addresses."""

    requested = Signal(str, object)

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__()
        self._view = view
        self.tests = {name: QPushButton(title) for name, title in CHANNELS}
        self.addresses = QListWidget()
        self.addresses.setAccessibleName("Addresses for messages to afar")
        self.addresses.setMaximumHeight(4 * theme.row_height)
        self.address = TextBox(HINT, name="A new address")
        self.address.setEchoMode(QLineEdit.EchoMode.Password)
        self.problem = Label(theme, tone="warn")
        self.problem.setWordWrap(True)
        self.keep, self.forget = QPushButton("Keep"), QPushButton("Forget")
        self._build(theme)
        self._wire()
        self._show()

    def _build(self, theme: Theme) -> None:
        tests = QHBoxLayout()
        tests.addWidget(Label(theme, "Send a test by", "muted"))
        for button in (*self.tests.values(), self.keep, self.forget):
            button.setAutoDefault(False)
        for button in self.tests.values():
            tests.addWidget(button)
        tests.addStretch(1)
        typed, kept = QHBoxLayout(), QHBoxLayout()
        typed.addWidget(self.address, 1)
        typed.addWidget(self.keep)
        kept.addWidget(self.addresses, 1)
        kept.addWidget(self.forget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.addWidget(Rule(theme))
        column.addLayout(tests)
        column.addWidget(Label(theme, "Phone and mail: addresses lie in the keyring and are shown by their kind only", "muted"))
        column.addLayout(typed)
        column.addLayout(kept)
        column.addWidget(self.problem)
        column.addStretch(1)

    def _wire(self) -> None:
        for name, button in self.tests.items():
            button.clicked.connect(lambda _=False, name=name: self.requested.emit("alert.test", name))
        self.keep.clicked.connect(self._keep)
        self.forget.clicked.connect(lambda: self.requested.emit("alert.forget_address", self.addresses.currentRow()))
        self.address.textChanged.connect(self._enable)
        self.addresses.currentRowChanged.connect(self._enable)
        self._view.addresses_listed.connect(self._show)

    def _keep(self) -> None:
        text = self.address.text().strip()
        self.address.clear()
        self.requested.emit("alert.keep_address", text)

    def _show(self) -> None:
        self.addresses.clear()
        self.addresses.addItems(list(self._view.addresses))
        self.problem.say(self._view.addresses_problem)
        self.problem.setVisible(bool(self._view.addresses_problem))
        self._enable()

    def _enable(self, _: object = None) -> None:
        self.keep.setEnabled(bool(self.address.text().strip()))
        self.forget.setEnabled(self.addresses.currentRow() >= 0)

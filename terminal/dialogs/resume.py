"""Why may trading go on? What stopped it is shown, and what a kill left behind; the answer is typed, and kept in the journal.

Without an answer nothing goes on; the key Enter alone answers nothing.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from engine.view import EngineView
from terminal.dialogs.leaving import still_open

SHORTEST = 8
"""Characters of a reason that says something."""


class ResumeDialog(QDialog):
    """Asks for the reason."""

    requested = Signal(str, object)
    """The action "account.resume" with the reason."""

    def __init__(self, view: EngineView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Let trading go on?")
        column = QVBoxLayout(self)
        stopped = QLabel(f"Stopped because: {view.risk.reason if view.risk is not None and view.risk.reason else 'no reason is known'}")
        stopped.setWordWrap(True)
        column.addWidget(stopped)
        left = still_open(view)
        column.addWidget(QLabel("\n".join(["Still open:", *left]) if left else "No order and no position is open."))
        column.addWidget(QLabel("What was found and mended, so that trading may go on:"))
        self.line = QLineEdit()
        self.line.setPlaceholderText(f"at least {SHORTEST} characters, kept in the journal")
        self.line.textChanged.connect(self._on_text)
        column.addWidget(self.line)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go_on = self.buttons.addButton("Resume trading", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go_on.setEnabled(False)
        self.buttons.accepted.connect(self._answer)
        self.buttons.rejected.connect(self.reject)
        column.addWidget(self.buttons)
        self.resize(560, 240)
        self.line.setFocus()

    def _on_text(self, text: str) -> None:
        self.go_on.setEnabled(len(text.strip()) >= SHORTEST)

    def _answer(self) -> None:
        reason = self.line.text().strip()
        self.accept()
        self.requested.emit("account.resume", {"reason": reason})

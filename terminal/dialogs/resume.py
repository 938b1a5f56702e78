"""Why may trading go on? What stopped it is shown, and what a kill left behind; the answer is typed, and kept in the journal.

It is asked for the account, or for one strategy that its limits have stopped. Without an answer nothing goes on; the key Enter alone
answers nothing.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from engine.view import EngineView
from terminal.dialogs.leaving import still_open
from widgets.base.held_back import until, why
from widgets.base.position_rows import owner_name

SHORTEST = 8
"""Characters of a reason that says something."""


class ResumeDialog(QDialog):
    """Asks for the reason."""

    requested = Signal(str, object)
    """The action "account.resume", or "strategy.let_trade" for an owner, with the reason."""

    def __init__(self, view: EngineView, parent: QWidget | None = None, *, owner: str = "") -> None:
        """`owner` "" asks for the account."""
        super().__init__(parent)
        self._owner = owner
        name = owner_name(owner, view)
        self.setWindowTitle(f"Let {name} trade again?" if owner else "Let trading go on?")
        column = QVBoxLayout(self)
        left = still_open(view, owner)
        goes_on = f"{name} may trade again" if owner else "trading may go on"
        for text in (
            _stopped(view, owner),
            "\n".join(["Still open:", *left]) if left else "No order and no position is open.",
            f"What was found and mended, so that {goes_on}:",
        ):
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            column.addWidget(label)
        self.line = QLineEdit()
        self.line.setPlaceholderText(f"at least {SHORTEST} characters, kept in the journal")
        self.line.textChanged.connect(self._on_text)
        column.addWidget(self.line)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go_on = self.buttons.addButton("Let it trade" if owner else "Resume trading", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go_on.setEnabled(False)
        self.buttons.accepted.connect(self._answer)
        self.buttons.rejected.connect(self.reject)
        column.addWidget(self.buttons)
        self.resize(560, 240)
        self.line.setFocus()

    def _on_text(self, text: str) -> None:
        self.go_on.setEnabled(len(text.strip()) >= SHORTEST)

    def _answer(self) -> None:
        given = {"reason": self.line.text().strip()}
        self.accept()
        if self._owner:
            self.requested.emit("strategy.let_trade", given | {"owner": self._owner})
        else:
            self.requested.emit("account.resume", given)


def _stopped(view: EngineView, owner: str) -> str:
    """Say what stopped the account, or one owner in it; of an owner with what else would end it, for all of it is taken back."""
    if not owner:
        return f"Stopped because: {view.risk.reason if view.risk is not None and view.risk.reason else 'no reason is known'}"
    held = [each for each in view.risk.restraints if each.owner == owner and not each.key] if view.risk is not None else []
    return (
        "\n".join(["Stopped because:", *(f"{why(each)} {until(each)}" for each in held)]) if held else "Stopped because: no reason is known"
    )

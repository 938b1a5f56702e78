"""What is still open when the terminal is closed: it is listed, and the trader says what becomes of it.

Nothing is closed by itself: leaving everything as it is comes first, and Esc stays.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QListWidget, QPushButton, QVBoxLayout, QWidget

from engine.core.model import StrategyState
from engine.view import EngineView
from terminal.desk import CANCEL, FLATTEN, LEAVE
from widgets.base.numbers import grouped, price

_ALIVE = (StrategyState.STARTING, StrategyState.RUNNING, StrategyState.PAUSED, StrategyState.STOPPING)


def still_open(view: EngineView, owner: str = "") -> list[str]:
    """List positions, working orders and running strategies, a line each; of one owner where it is named."""
    held = [book for book in view.books.values() if book.owner == owner] if owner else list(view.positions.values())
    lines = [
        f"Position  {position.instrument.symbol}  {'+' if position.quantity > 0 else ''}{grouped(position.quantity)}  {position.product}"
        for position in held
        if position.quantity
    ]
    lines += [
        f"Order  {order.instrument.symbol}  {order.request.side.name.lower()} {grouped(order.remaining)}"
        f"  {order.request.order_type} {price(order.price or order.trigger_price)}"
        for order in view.working_orders()
        if owner in ("", order.request.owner)
    ]
    strategies = (status for status in view.strategies.values() if owner in ("", status.id))
    lines += [f"Strategy  {status.name}  {status.state.lower()}" for status in strategies if status.state in _ALIVE]
    return lines


class LeavingDialog(QDialog):
    """Asks what becomes of what is open."""

    chosen = Signal(str)
    """LEAVE, CANCEL or FLATTEN; nothing when the trader stays."""

    def __init__(self, lines: list[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Close the terminal?")
        column = QVBoxLayout(self)
        column.addWidget(QLabel("Still open; strategies stop with the terminal:"))
        self.list = QListWidget()
        self.list.addItems(lines)
        column.addWidget(self.list)
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for choice, text in ((LEAVE, "Leave as it is and close"), (CANCEL, "Cancel orders and close"), (FLATTEN, "Flatten and close")):
            button = self.buttons[choice] = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda checked, choice=choice: self._choose(choice))
            row.addWidget(button)
        stay = self.buttons["stay"] = QPushButton("Stay")
        stay.setDefault(True)
        stay.clicked.connect(self.reject)
        row.addWidget(stay)
        column.addLayout(row)
        self.resize(620, 320)
        stay.setFocus()

    def _choose(self, choice: str) -> None:
        self.accept()
        self.chosen.emit(choice)

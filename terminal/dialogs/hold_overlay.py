"""What is seen while a key that ends everything is held: what it will do, and how much longer to hold."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QVBoxLayout, QWidget

from engine.view import EngineView
from widgets.base.numbers import count, grouped

WIDTH = 460


def plan(view: EngineView, action: str) -> str:
    """Say what would be done, with the numbers of this moment."""
    orders = len(view.working_orders())
    held = [position for position in view.positions.values() if position.quantity]
    cancels = f"Cancels {count(orders, 'order')}" if orders else "No orders to cancel"
    if action == "account.kill":
        return f"{cancels}, stops every strategy, and sends nothing more until you resume. Positions stay."
    names = ", ".join(f"{p.instrument.symbol} {'+' if p.quantity > 0 else ''}{grouped(p.quantity)}" for p in held[:6])
    more = f" and {len(held) - 6} more" if len(held) > 6 else ""
    closes = f"closes {names}{more}" if held else "no positions to close"
    return f"{cancels}, {closes}."


class HoldOverlay(QFrame):
    """A box over the middle of the window."""

    def __init__(self, view: EngineView, parent: QWidget) -> None:
        super().__init__(parent)
        self._view, self._over = view, parent
        self.setFrameShape(QFrame.Shape.Box)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.title, self.text, self.bar = QLabel(), QLabel(), QProgressBar()
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        font = self.title.font()
        font.setBold(True)
        font.setPointSize(font.pointSize() + 3)
        self.title.setFont(font)
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar.setRange(0, 100)
        self.bar.setTextVisible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        for widget in (self.title, self.text, self.bar):
            column.addWidget(widget)
        self.hide()

    def show_progress(self, action: str, part: float) -> None:
        """Show how far it is; 1 has acted, below 0 was let go: both take the box away."""
        if not 0.0 <= part < 1.0:
            self.hide()
            return
        if self.isHidden():
            self.title.setText("Keep holding to KILL" if action == "account.kill" else "Keep holding to FLATTEN, or press once more")
            self.text.setText(plan(self._view, action))
            self.setFixedWidth(WIDTH)
            self.adjustSize()
            area = self._over.rect()
            self.move((area.width() - self.width()) // 2, (area.height() - self.height()) // 3)
            self.show()
            self.raise_()
        self.bar.setValue(round(100 * part))

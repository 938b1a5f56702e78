"""What comparing with the broker's books has found: the last comparisons, and each difference until somebody has looked at it.

Until a difference is acknowledged, its instrument can only be closed. Comparing reads; it never trades.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from engine.core.model import Fill, Order
from engine.core.reconciliation import Report
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.layouts import Label, Rule
from widgets.base.theme import Theme

NOTHING = "The books have not been compared yet: that happens at the start, after a lost connection, and in rounds."
REASONS = {
    "start": "at the start",
    "connection": "after a lost connection",
    "round": "in a round",
    "close": "at the close",
    "end": "before the end",
    "asked": "as you asked",
}


class BooksDialog(QDialog):
    """Comparisons on the left, what one found on the right."""

    requested = Signal(str, object)

    def __init__(self, view: EngineView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view, self._theme = view, theme
        self.setWindowTitle("Compared with the broker")
        self.acknowledges: dict[str, QPushButton] = {}
        self.list = QListWidget()
        self.list.setAccessibleName("Comparisons, the newest first")
        self.list.setFixedWidth(280)
        self.page = QScrollArea()
        self.page.setWidgetResizable(True)
        self.page.setFrameShape(QScrollArea.Shape.NoFrame)
        self.compare = QPushButton("Compare now")
        self._build()
        self.list.currentRowChanged.connect(self._show_one)
        view.reconciled.connect(self._load)
        view.difference_seen.connect(self._load)
        self._load()

    def _build(self) -> None:
        buttons = QDialogButtonBox()
        buttons.addButton(self.compare, QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton("Close (Esc)", QDialogButtonBox.ButtonRole.RejectRole)
        for button in (self.compare, close):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        self.compare.clicked.connect(lambda: self.requested.emit("books.compare", None))
        both = QHBoxLayout()
        both.addWidget(self.list)
        both.addWidget(self.page, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 12)
        outer.setSpacing(10)
        outer.addLayout(both, 1)
        outer.addWidget(Rule(self._theme))
        outer.addWidget(buttons)
        self.resize(860, 440)

    @property
    def _reports(self) -> list[Report]:
        return list(reversed(self._view.reports))

    def _load(self, _: object = None) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for report in self._reports:
            item = QListWidgetItem(f"{numbers.day_clock(report.time_ns)}  {REASONS.get(report.reason, report.reason)}")
            if not report.is_clean:
                item.setForeground(self._theme.colour("bad" if report.unacknowledged else "warn"))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.blockSignals(False)
        self._show_one(0)

    def _show_one(self, row: int) -> None:
        """Show what one comparison found; differences that wait are those of the newest."""
        self.acknowledges.clear()
        content = QWidget()
        lines = QVBoxLayout(content)
        lines.setSpacing(6)
        reports = self._reports
        if not reports or row < 0:
            self._add(lines, NOTHING, "muted")
        else:
            self._tell(lines, reports[row], set(reports[0].unacknowledged))
        lines.addStretch(1)
        self.page.setWidget(content)

    def _tell(self, lines: QVBoxLayout, report: Report, waiting: set[str]) -> None:
        self._add(lines, f"{str(report)[:1].upper()}{str(report)[1:]}.", "text", is_bold=True)
        for difference in report.differences:
            key, words = difference.instrument.key, str(difference)
            if difference.is_explained:
                self._add(lines, f"{words}: an order of unknown fate may be the reason; nothing was taken over.", "warn")
            elif key in waiting:
                self._add_waiting(lines, key, f"{words}. Only closing is allowed until you acknowledge it.")
            else:
                self._add(lines, f"{words}. Taken over from the broker.", "warn")
        for key in sorted(waiting - {difference.instrument.key for difference in report.differences}):
            self._add_waiting(lines, key, f"{key} differed earlier. Only closing is allowed until you acknowledge it.")
        told = (
            ("Orders from elsewhere", [_order(order) for order in report.external]),
            ("Of unknown fate", [_order(order) for order in report.unknown]),
            ("Never placed", [_order(order) for order in report.not_placed]),
            ("Expired", [_order(order) for order in report.expired]),
            ("Fills recovered", [_fill(fill) for fill in report.fills]),
            ("Fills that the broker counts without telling their trades", [_fill(fill) for fill in report.inferred]),
        )
        for title, found in told:
            if found:
                self._add(lines, title, "muted")
            for words in found:
                self._add(lines, words, "text")
        if report.skew_s is not None:
            self._add(lines, f"The broker's clock is {report.skew_s:+.1f} s from ours.", "muted")

    def _add(self, lines: QVBoxLayout, text: str, tone: str, *, is_bold: bool = False) -> None:
        label = Label(self._theme, text, tone, is_bold=is_bold)
        label.setWordWrap(True)
        lines.addWidget(label)

    def _add_waiting(self, lines: QVBoxLayout, key: str, text: str) -> None:
        button = QPushButton("Acknowledge")
        button.setAccessibleName(f"Acknowledge {key}")
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self._acknowledge(key))
        label = Label(self._theme, text, "bad")
        label.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(label, 1)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        lines.addLayout(row)
        self.acknowledges[key] = button

    def _acknowledge(self, key: str) -> None:
        self.acknowledges[key].setEnabled(False)
        self.acknowledges[key].setText("Acknowledged")
        self.requested.emit("books.acknowledge", key)


def _order(order: Order) -> str:
    request, status = order.request, order.status.value
    return f"{request.side.name} {numbers.grouped(order.quantity)} {request.instrument.symbol} {request.product.value}, {status}"


def _fill(fill: Fill) -> str:
    price = numbers.price(fill.price)
    return f"{fill.side.name} {numbers.grouped(fill.quantity)} {fill.instrument.symbol} at {price}, {fill.owner}"

"""Which copy of the database is to take its place? Each is listed with its time and what is in it; the choice is confirmed by typing.

Nothing is lost by it: the database as it is now is put aside, and what the copy lacks is told by comparing with the broker.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.core.model import BackupInfo
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.theme import Theme

WORD = "RESTORE"

TOLD = (
    "The chosen copy becomes the database; the one of now is put aside and stays as it is. The terminal closes for it and opens again, "
    "in safe mode: strategies stop, orders and positions stay at the broker and are compared with the books. What happened after the copy "
    "was made is known from the broker alone."
)

EMPTY = "There is no copy yet: one is made once a day, and whenever the terminal is closed."

COLUMNS = ("Made", "Journal ends", "Size", "Orders", "Fills", "Journal lines")
WIDTHS = (172, 172, 90, 90, 90, 112)
WORDS = 2
"""So many columns hold times and words; figures come after them."""


class RestoreDialog(QDialog):
    """Lists the copies, the newest first."""

    requested = Signal(str, object)
    """The action "backup.restore" with the path of the copy."""

    def __init__(self, view: EngineView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._backups = view.backups
        self.setWindowTitle("Restore a backup")
        self.table = QTableWidget(len(self._backups), len(COLUMNS))
        self.line = QLineEdit()
        self.line.setPlaceholderText(f"Type {WORD} to confirm")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go_on = self.buttons.addButton("Restore and open again", QDialogButtonBox.ButtonRole.AcceptRole)
        self._fill(theme)
        self._build()
        self._check()

    def _build(self) -> None:
        table, head = self.table, self.table.horizontalHeader()
        table.setAccessibleName("Copies of the database, the newest first")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.setWordWrap(False)
        for at, (title, width) in enumerate(zip(COLUMNS, WIDTHS, strict=True)):
            item = QTableWidgetItem(title)
            item.setTextAlignment(_alignment(at))
            table.setHorizontalHeaderItem(at, item)
            head.resizeSection(at, width)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setStretchLastSection(True)
        head.setHighlightSections(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(10)
        told = QLabel(TOLD if self._backups else EMPTY)
        told.setWordWrap(True)
        for widget in (told, table, self.line, self.buttons):
            column.addWidget(widget)
        for widget in (table, self.line):
            widget.setVisible(bool(self._backups))
        table.itemSelectionChanged.connect(self._check)
        self.line.textChanged.connect(self._check)
        self.buttons.accepted.connect(self._answer)
        self.buttons.rejected.connect(self.reject)
        if self._backups:
            self.resize(760, 440)
            table.setFocus()

    def _fill(self, theme: Theme) -> None:
        """Write a row each; a copy that cannot be read says so and cannot be chosen. The newest that can is chosen."""
        for row, backup in enumerate(self._backups):
            texts = _texts(backup)
            for at, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_alignment(at))
                if backup.fault:
                    item.setFlags(Qt.ItemFlag.NoItemFlags)
                    item.setForeground(theme.colour("faint"))
                item.setToolTip(backup.path)
                self.table.setItem(row, at, item)
            if backup.fault:
                self.table.setSpan(row, 1, 1, len(COLUMNS) - 1)
            self.table.setRowHeight(row, theme.row_height)
        colours = self.table.palette()
        colours.setColor(QPalette.ColorRole.Highlight, theme.colour("selection"))
        colours.setColor(QPalette.ColorRole.HighlightedText, theme.colour("text"))
        self.table.setPalette(colours)
        good = next((row for row, backup in enumerate(self._backups) if not backup.fault), None)
        if good is not None:
            self.table.selectRow(good)

    @property
    def chosen(self) -> BackupInfo | None:
        """The copy that is chosen, None when none is."""
        rows = self.table.selectionModel().selectedRows()
        return self._backups[rows[0].row()] if rows else None

    def _check(self) -> None:
        self.go_on.setEnabled(self.chosen is not None and self.line.text().strip().upper() == WORD)

    def _answer(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            self.accept()
            self.requested.emit("backup.restore", chosen.path)


def _alignment(at: int) -> Qt.AlignmentFlag:
    """Return how a column stands: figures to the right, times and words to the left."""
    side = Qt.AlignmentFlag.AlignLeft if at < WORDS else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _texts(backup: BackupInfo) -> tuple[str, ...]:
    made, size = f"{backup.made:%d %b %Y %H:%M:%S}", numbers.bytes_of(backup.size)
    if backup.fault:
        return made, backup.fault, "", "", "", ""
    counts = (numbers.grouped(count) for count in (backup.orders, backup.fills, backup.lines))
    return made, numbers.day_clock(backup.last_ns), size, *counts

"""The table of the terminal: rows painted at the frame rate, keys that act on the focused row, an order that holds still under the hand.

Ticks mark rows; a frame writes and repaints those that are seen. Nothing resizes itself, nothing sorts itself while it is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from widgets.base.cells import Cells
from widgets.base.columns import Column
from widgets.base.keys import key_text
from widgets.base.panel import Panel
from widgets.base.rows import RowModel

R = TypeVar("R")

FLASH_MS = 300
SORT_MS = 1_000


class Grid(QTableView, Generic[R]):
    """A table of records of one kind, belonging to a panel."""

    focused = Signal(object)
    """The record of the focused row changed; None when there is none."""
    double_clicked = Signal(object)
    menu_asked = Signal(object, QPoint)
    """A record and where on the screen."""

    def __init__(self, panel: Panel, columns: Sequence[Column[R]], *, is_newest_first: bool = False, empty: str = "") -> None:
        """`empty` says what to do when there are no rows; its first line is the headline."""
        super().__init__(panel)
        self.panel = panel
        self.rows: RowModel[R] = RowModel(columns, is_newest_first=is_newest_first)
        self.empty = empty
        self._cells = Cells(self.rows, panel.theme)
        self._flashing: set[str] = set()
        self.setModel(self.rows)
        self.setItemDelegate(self._cells)
        self._set_up()
        self._set_up_header(columns)
        self._sorter = QTimer(self)
        self._sorter.setInterval(SORT_MS)
        self._sorter.timeout.connect(self._sort_when_idle)
        self.selectionModel().currentRowChanged.connect(self._on_current)
        for signal in (self.rows.modelReset, self.rows.layoutChanged, self.rows.rowsInserted, self.rows.rowsRemoved):
            signal.connect(self._on_rows_moved)
        panel.theme.changed.connect(self._take_theme)

    def _set_up(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        side = self.verticalHeader()
        side.hide()
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setMinimumSectionSize(8)
        side.setDefaultSectionSize(self.panel.theme.row_height)

    def _set_up_header(self, columns: Sequence[Column[R]]) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setSectionsClickable(True)
        header.setMinimumSectionSize(24)
        header.setFixedHeight(self.panel.theme.row_height + 2)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._choose_columns)
        header.sectionClicked.connect(self._on_header)
        for at, column in enumerate(columns):
            self.setColumnWidth(at, column.width)
            self.setColumnHidden(at, column.is_hidden)

    @property
    def record(self) -> R | None:
        """Return the record of the focused row."""
        return self.rows.record(self.currentIndex().row())

    def focus_key(self, key: str) -> bool:
        """Focus the row of a key; tell whether it is shown."""
        row = self.rows.row_of(key)
        if row >= 0:
            self.setCurrentIndex(self.rows.index(row, self.horizontalHeader().logicalIndex(0)))
        return row >= 0

    def ask_frame(self) -> None:
        """Write and repaint what changed with the next frame; what is hidden waits until it is seen."""
        if self.isVisible():
            self.panel.frames.ask(self.on_frame)

    def on_frame(self) -> None:
        """Write and repaint the rows that changed or still flash, of those that are seen."""
        now = self._cells.now_ms = self.panel.frames.now_ms
        first, last = self._seen()
        width = self.viewport().width()
        is_read_out = QAccessible.isActive()
        for row in range(first, last + 1):
            line = self.rows.lines[row]
            if line.is_dirty:
                line.refresh(self.rows.columns, now + FLASH_MS)
                if is_read_out:
                    self.rows.dataChanged.emit(self.rows.index(row, 0), self.rows.index(row, len(self.rows.columns) - 1))
            elif not line.flashes:
                continue
            if line.flashes:
                line.flashes = {at: flash for at, flash in line.flashes.items() if flash[0] > now}
            if line.flashes:
                self._flashing.add(line.key)
            self.viewport().update(QRect(0, self.rowViewportPosition(row), width, self.rowHeight(row)))
        if self._flashing:
            self._flashing.clear()
            self.ask_frame()

    def _seen(self) -> tuple[int, int]:
        if not self.rows.lines:
            return 0, -1
        first = max(0, self.rowAt(0))
        last = self.rowAt(self.viewport().height() - 1)
        return first, last if last >= 0 else len(self.rows.lines) - 1

    def _on_rows_moved(self) -> None:
        self._cells.current_row = self.currentIndex().row()
        self.viewport().update()

    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        self._cells.current_row = current.row()
        self.viewport().update()
        self.focused.emit(self.rows.record(current.row()))

    def _take_theme(self) -> None:
        self._cells.take_theme()
        self.viewport().update()

    def _on_header(self, column: int) -> None:
        rows = self.rows
        if rows.sorted_by != column:
            self.sort_by(column, self.rows.columns[column].is_number)
        elif rows.is_descending == rows.columns[column].is_number:
            self.sort_by(column, not rows.is_descending)
        else:
            self.sort_by(None)

    def sort_by(self, column: int | None, is_descending: bool = False) -> None:
        """Sort by a column from now on; None goes back to the order of coming."""
        self.rows.order_by(column, is_descending)
        header = self.horizontalHeader()
        header.setSortIndicatorShown(column is not None)
        if column is None:
            self._sorter.stop()
            return
        order = Qt.SortOrder.DescendingOrder if is_descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicator(column, order)
        self._sorter.start()

    def _sort_when_idle(self) -> None:
        if self.isVisible() and not self.underMouse() and not self.hasFocus():
            self.rows.arrange()

    def _choose_columns(self, at: QPoint) -> None:
        menu = QMenu(self)
        for number, column in enumerate(self.rows.columns):
            entry = menu.addAction(column.title or column.tip or column.name)
            entry.setCheckable(True)
            entry.setChecked(not self.isColumnHidden(number))
            entry.setEnabled(number > 0)
            entry.toggled.connect(lambda shown, number=number: self.setColumnHidden(number, not shown))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.horizontalHeader().mapToGlobal(at))

    def copy(self) -> None:
        """Put the focused row on the clipboard, its cells apart by tabs."""
        row = self.currentIndex().row()
        shown = [at for at in range(len(self.rows.columns)) if not self.isColumnHidden(at)]
        if row >= 0:
            QGuiApplication.clipboard().setText("\t".join(str(self.rows.data(self.rows.index(row, at))) for at in shown))

    def save_state(self) -> dict[str, Any]:
        """Return widths, order and choice of the columns, and what the rows are sorted by."""
        header, columns = self.horizontalHeader(), self.rows.columns
        shown = [columns[header.logicalIndex(place)] for place in range(len(columns))]
        by = self.rows.sorted_by
        return {
            "columns": [
                {"name": c.name, "width": header.sectionSize(at := columns.index(c)) or c.width, "is_hidden": self.isColumnHidden(at)}
                for c in shown
            ],
            "sorted_by": columns[by].name if by is not None else "",
            "is_descending": self.rows.is_descending,
        }

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what `save_state` gave; columns that are no more, or are new, stay as they are."""
        at_name = {column.name: at for at, column in enumerate(self.rows.columns)}
        header = self.horizontalHeader()
        place = 0
        for kept in state.get("columns", []):
            at = at_name.get(kept.get("name", ""))
            if at is None:
                continue
            header.moveSection(header.visualIndex(at), place)
            place += 1
            self.setColumnWidth(at, int(kept.get("width", self.rows.columns[at].width)))
            self.setColumnHidden(at, bool(kept.get("is_hidden", False)))
        self.sort_by(at_name.get(state.get("sorted_by", "")), bool(state.get("is_descending", False)))

    def event(self, event: QEvent) -> bool:
        """Keep the window's shortcuts off the keys that mean something here."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.panel.has_key(key_text(event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = key_text(event)
        if self.panel.has_key(key):
            if not event.isAutoRepeat():
                self.panel.press(key)
            event.accept()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Letters are commands here, never a search."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        record = self.rows.record(self.indexAt(event.position().toPoint()).row())
        if record is not None and event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit(record)

    def contextMenuEvent(self, event: Any) -> None:
        record = self.record
        if record is not None:
            self.menu_asked.emit(record, event.globalPos())

    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        self._cells.has_focus = True
        if not self.currentIndex().isValid() and self.rows.lines:
            self.setCurrentIndex(self.rows.index(0, self.horizontalHeader().logicalIndex(0)))
        self.viewport().update()

    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self._cells.has_focus = False
        self.viewport().update()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.ask_frame()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._cells.now_ms = self.panel.frames.now_ms
        first, last = self._seen()
        for line in self.rows.lines[first : last + 1]:
            if line.is_dirty and not line.texts:
                line.refresh(self.rows.columns)
        self._paint_current()
        super().paintEvent(event)
        if not self.rows.lines and self.empty:
            self._paint_empty()

    def _paint_current(self) -> None:
        """Carry the focused row's ground on to the right edge, beyond the last column."""
        row = self.currentIndex().row()
        if row >= 0:
            area = QRect(0, self.rowViewportPosition(row), self.viewport().width(), self.rowHeight(row))
            painter = QPainter(self.viewport())
            painter.fillRect(area, self.panel.theme.colour("selection" if self.hasFocus() else "selection_idle"))
            painter.end()

    def _paint_empty(self) -> None:
        headline, _, rest = self.empty.partition("\n")
        painter = QPainter(self.viewport())
        area = self.viewport().rect().adjusted(16, 0, -16, 0)
        middle = area.center().y()
        flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap)
        painter.setPen(self.panel.theme.colour("muted"))
        painter.drawText(QRect(area.x(), middle - 30, area.width(), 24), flags | int(Qt.AlignmentFlag.AlignBottom), headline)
        painter.setPen(self.panel.theme.colour("faint"))
        painter.drawText(QRect(area.x(), middle - 2, area.width(), 80), flags | int(Qt.AlignmentFlag.AlignTop), rest)
        painter.end()

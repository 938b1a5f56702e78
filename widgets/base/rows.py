"""The rows behind a table: records by key, some of them shown, in an order that holds still until it is told to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from widgets.base.columns import Column, Line

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex

_NOWHERE = QModelIndex()


class RowModel(QAbstractTableModel, Generic[R]):
    """Records of one kind. Painting reads `lines` directly; `data` is there for copying, screen readers and tests."""

    def __init__(self, columns: Sequence[Column[R]], *, is_newest_first: bool = False) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.lines: list[Line[R]] = []
        """What is shown, in order."""
        self.by_key: dict[str, Line[R]] = {}
        """Everything, shown or not, in order of coming."""
        self.sorted_by: int | None = None
        self.is_descending = False
        self._is_newest_first = is_newest_first
        self._shows: Callable[[R], bool] = lambda record: True

    def put(self, key: str, record: R) -> Line[R]:
        """Add a record, or replace the one of that key; its row is written when it is next looked at."""
        line = self.by_key.get(key)
        if line is None:
            line = self.by_key[key] = Line(key, record)
            if self._shows(record):
                self._insert(line, is_new=True)
            return line
        was_shown = self._shows(line.record)
        line.record = record
        line.is_dirty = True
        is_shown = self._shows(record)
        if is_shown and not was_shown:
            self._insert(line, is_new=False)
        elif was_shown and not is_shown:
            self._take(line)
        return line

    def remove(self, key: str) -> None:
        """Forget a record; a key that is not known is no mistake."""
        line = self.by_key.pop(key, None)
        if line is not None and line in self.lines:
            self._take(line)

    def load(self, pairs: Iterable[tuple[str, R]]) -> None:
        """Replace everything."""
        self.beginResetModel()
        self.by_key = {key: Line(key, record) for key, record in pairs}
        self.lines = self._arranged()
        self.endResetModel()

    def show_only(self, wanted: Callable[[R], bool]) -> None:
        """Show the records that are wanted, and no others."""
        self.beginResetModel()
        self._shows = wanted
        self.lines = self._arranged()
        self.endResetModel()

    def touch(self, key: str) -> Line[R] | None:
        """Mark a row as changed though its record is the same; returns it."""
        line = self.by_key.get(key)
        if line is not None:
            line.is_dirty = True
        return line

    def touch_all(self) -> None:
        """Mark every row as changed."""
        for line in self.by_key.values():
            line.is_dirty = True

    def record(self, row: int) -> R | None:
        """Return the record of a row, None when there is no such row."""
        return self.lines[row].record if 0 <= row < len(self.lines) else None

    def row_of(self, key: str) -> int:
        """Return where a key is shown, -1 when it is not."""
        return next((row for row, line in enumerate(self.lines) if line.key == key), -1)

    def order_by(self, column: int | None, is_descending: bool = False) -> None:
        """Sort by a column from now on; None goes back to the order of coming."""
        self.sorted_by, self.is_descending = column, is_descending
        self.arrange()

    def move(self, key: str, by: int) -> None:
        """Move a row up (-1) or down (+1) in the order of coming."""
        keys = list(self.by_key)
        at = keys.index(key)
        to = max(0, min(len(keys) - 1, at + by))
        keys.insert(to, keys.pop(at))
        self.by_key = {name: self.by_key[name] for name in keys}
        self.arrange()

    def arrange(self) -> None:
        """Put the rows in order; the focused record stays focused."""
        arranged = self._arranged()
        if arranged == self.lines:
            return
        self.layoutAboutToBeChanged.emit()
        row_of = {line.key: row for row, line in enumerate(arranged)}
        before = self.persistentIndexList()
        after = [self.index(row_of[self.lines[index.row()].key], index.column()) for index in before]
        self.lines = arranged
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _arranged(self) -> list[Line[R]]:
        shown = [line for line in self.by_key.values() if self._shows(line.record)]
        if self.sorted_by is not None:
            column = self.columns[self.sorted_by]
            order: Callable[[R], Any] = column.order or column.text
            return sorted(shown, key=lambda line: order(line.record), reverse=self.is_descending)
        return shown[::-1] if self._is_newest_first else shown

    def _insert(self, line: Line[R], *, is_new: bool) -> None:
        if self.sorted_by is not None:
            at = len(self.lines)
        elif is_new:
            at = 0 if self._is_newest_first else len(self.lines)
        else:
            at = self._arranged().index(line)
        self.beginInsertRows(_NOWHERE, at, at)
        self.lines.insert(at, line)
        self.endInsertRows()

    def _take(self, line: Line[R]) -> None:
        at = self.lines.index(line)
        self.beginRemoveRows(_NOWHERE, at, at)
        del self.lines[at]
        self.endRemoveRows()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.lines):
            return None
        line, at = self.lines[index.row()], index.column()
        column = self.columns[at]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            if line.is_dirty:
                line.refresh(self.columns)
            text = line.texts[at]
            return f"{column.title or column.name} {text}" if role == Qt.ItemDataRole.AccessibleTextRole else text
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

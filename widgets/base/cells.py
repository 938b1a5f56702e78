"""Paints the cells of a table, straight from the rows: no question through the model, no object made per cell.

At frame rate every microsecond counts here: what is looked up is a list or a dict, nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from widgets.base.theme import Theme

if TYPE_CHECKING:
    from widgets.base.rows import RowModel

PADDING = 6
FOCUS_BAR = 2
GAUGE_PX = 3
_KEPT_ELIDED = 4_000

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)


class Cells(QStyledItemDelegate):
    """The painter of one table. The table sets `current_row`, `has_focus` and `now_ms` before it is painted."""

    def __init__(self, model: RowModel[Any], theme: Theme) -> None:
        super().__init__()
        self._model = model
        self._theme = theme
        self._elided: dict[tuple[str, int], str] = {}
        self.current_row = -1
        self.has_focus = False
        self.now_ms = 0
        self.take_theme()

    def take_theme(self) -> None:
        """Take the theme's colours again."""
        self._inks: dict[str, QColor] = {word: self._theme.colour(word) for word in self._theme.colours}
        self._elided.clear()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        row, at = index.row(), index.column()
        lines = self._model.lines
        if row >= len(lines):
            return
        line, column = lines[row], self._model.columns[at]
        if not line.texts:
            return  # never write here: an exception inside Qt's painting ends the process
        rect: QRect = option.rect
        is_current = row == self.current_row
        if line.flashes and (flash := line.flashes.get(at)) is not None and flash[0] > self.now_ms:
            painter.fillRect(rect, self._inks[flash[1]])
        elif is_current:
            painter.fillRect(rect, self._inks["selection" if self.has_focus else "selection_idle"])
        if is_current and self.has_focus and rect.x() == 0:
            painter.fillRect(QRect(0, rect.y(), FOCUS_BAR, rect.height()), self._inks["accent"])
        inner = rect.adjusted(PADDING, 0, -PADDING, 0)
        if column.gauge is not None:
            self._paint_gauge(painter, inner, line.gauges.get(at, math.nan), line.tones[at])
            return
        text = line.texts[at]
        if not text:
            return
        painter.setPen(self._inks["faint" if line.is_faded else line.tones[at]])
        if column.is_number:
            painter.drawText(inner, _RIGHT, text)
        else:
            painter.drawText(inner, _LEFT, self._fit(text, inner.width(), option))

    def _paint_gauge(self, painter: QPainter, area: QRect, place: float, word: str) -> None:
        middle = area.center().y()
        painter.fillRect(QRect(area.x(), middle, area.width(), 2), self._inks["line_strong"])
        if not math.isnan(place):
            at = area.x() + round(min(1.0, max(0.0, place)) * (area.width() - GAUGE_PX))
            painter.fillRect(QRect(at, middle - 4, GAUGE_PX, 10), self._inks[word])

    def _fit(self, text: str, width: int, option: QStyleOptionViewItem) -> str:
        fitted = self._elided.get((text, width))
        if fitted is None:
            if len(self._elided) > _KEPT_ELIDED:
                self._elided.clear()
            metrics: QFontMetrics = option.fontMetrics
            fitted = self._elided[text, width] = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
        return fitted

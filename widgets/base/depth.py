"""Five levels of what others want to buy and sell, with a bar behind each quantity; a click takes its price."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from engine.core.model import Quote
from widgets.base import numbers
from widgets.base.theme import Theme

LEVELS = 5
GAP = 10
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

HEADS = ("Qty", "Bid", "Ask", "Qty")


class Depth(QWidget):
    """Bids at the left, asks at the right, the best on top."""

    price_chosen = Signal(float)

    def __init__(self, theme: Theme, decimals: int) -> None:
        super().__init__()
        self._theme = theme
        self._decimals = decimals
        self._sides: tuple[tuple[tuple[float, int], ...], tuple[tuple[float, int], ...]] = ((), ())
        self.setAccessibleName("Market depth")
        self.setToolTip("Click a price to take it")
        theme.changed.connect(self.update)

    def show_quote(self, quote: Quote) -> None:
        """Show the levels of a quote; costs nothing when they are the same."""
        sides = (quote.bids[:LEVELS], quote.asks[:LEVELS])
        if sides != self._sides:
            self._sides = sides
            self.update()

    @property
    def _row(self) -> int:
        return self._theme.row_height - 4

    def sizeHint(self) -> QSize:
        return QSize(320, self._row * (LEVELS + 1) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self._row * (LEVELS + 1) + 2)

    def price_at(self, x: int, y: int) -> float:
        """Return the price of the level under a point, 0 where there is none."""
        level, side = y // self._row - 1, int(x >= self.width() // 2)
        levels = self._sides[side]
        return levels[level][0] if 0 <= level < len(levels) else 0.0

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        price = self.price_at(at.x(), at.y())
        if price and event.button() == Qt.MouseButton.LeftButton:
            self.price_chosen.emit(price)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        areas = self._areas()
        painter.setPen(self._theme.colour("faint"))
        for area, head, way in zip(areas, HEADS, (_LEFT, _RIGHT, _LEFT, _RIGHT), strict=True):
            painter.drawText(area, way, head)
        most = max((quantity for levels in self._sides for _, quantity in levels), default=1) or 1
        for level in range(LEVELS):
            for side, levels in enumerate(self._sides):
                price, quantity = levels[level] if level < len(levels) else (0.0, 0)
                self._paint_level(painter, self._row * (level + 1), side, price, quantity, quantity / most)
        painter.end()

    def _areas(self) -> tuple[QRect, ...]:
        quarter, row = self.width() // 4, self._row
        return (
            QRect(4, 0, quarter - 4, row),
            QRect(quarter, 0, quarter - GAP, row),
            QRect(2 * quarter + GAP, 0, quarter - GAP, row),
            QRect(3 * quarter, 0, quarter - 4, row),
        )

    def _paint_level(self, painter: QPainter, top: int, side: int, price: float, quantity: int, share: float) -> None:
        half, row, areas = self.width() // 2, self._row, self._areas()
        length = round((half - 4) * share)
        left = half - 4 - length if side == 0 else half + 4
        painter.fillRect(QRect(left, top + 1, length, row - 2), self._theme.colour(("up_flash", "down_flash")[side]))
        painter.setPen(self._theme.colour("muted"))
        text = numbers.grouped(quantity) if price else numbers.NONE
        painter.drawText(areas[(0, 3)[side]].translated(0, top), (_LEFT, _RIGHT)[side], text)
        painter.setPen(self._theme.colour(("up", "down")[side]))
        painter.drawText(areas[(1, 2)[side]].translated(0, top), (_RIGHT, _LEFT)[side], numbers.price(price, self._decimals))

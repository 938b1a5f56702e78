"""Candles and the volume under them: rising ones hollow, falling ones filled, so that they differ without their colours.

Only what is exposed is drawn, straight from arrays; a candle costs no Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter
from PySide6.QtWidgets import QGraphicsItem

from engine.core.records import Rows
from widgets.base.theme import Theme
from widgets.chart.reduction import group_size, reduced
from widgets.chart.series import Series

BODY = 0.7
HOLLOW_PX = 5.0
"""Narrower candles are filled: there would be nothing to see inside."""

VOLUME_SHARE = 0.16
"""Of the height of the chart."""


class BarItem(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Something drawn once per bar."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.series = Series(60)
        self._lines = PrimitiveArray(QLineF, 4)
        self._rects = PrimitiveArray(QRectF, 4)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)

    def show_series(self, series: Series) -> None:
        """Draw these bars from now on."""
        self.series = series
        self.on_change()

    def on_change(self) -> None:
        """Draw anew: the bars are others, or more."""
        self.prepareGeometryChange()
        self.informViewBoundsChanged()
        self.update()

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()

    def pixels_per_bar(self) -> float:
        """Return how wide a bar is on the screen."""
        width = self.pixelWidth()
        return 1.0 / width if width else 0.0

    def exposed(self, option: Any) -> tuple[np.ndarray, Rows, int]:
        """Return x and bars of what has to be drawn, and how many bars each stands for."""
        size = group_size(self.pixels_per_bar())
        area = option.exposedRect
        first = max(0, int(np.floor(area.left())) - size)
        last = min(len(self.series), int(np.ceil(area.right())) + size + 1)
        if last <= first:
            return np.zeros(0), self.series.rows[:0], size
        x, rows = reduced(self.series.rows, first, last, size)
        return x, rows, size

    def draw_lines(self, painter: QPainter, x1: Any, y1: Any, x2: Any, y2: Any) -> None:
        """Draw many lines with the painter's pen."""
        self._lines.resize(len(x1))
        array = self._lines.ndarray()
        array[:, 0], array[:, 1], array[:, 2], array[:, 3] = x1, y1, x2, y2
        painter.drawLines(*self._lines.drawargs())

    def draw_rects(self, painter: QPainter, x: Any, y: Any, width: float, height: Any) -> None:
        """Draw many rectangles with the painter's pen and brush."""
        self._rects.resize(len(x))
        array = self._rects.ndarray()
        array[:, 0], array[:, 1], array[:, 2], array[:, 3] = x, y, width, height
        painter.drawRects(*self._rects.drawargs())


class CandleItem(BarItem):
    """The candles."""

    _bounds = QRectF()

    def on_change(self) -> None:
        """Draw anew, within the bounds that the bars have now."""
        rows = self.series.rows
        if len(rows):
            low, high = float(rows["low"].min()), float(rows["high"].max())
            self._bounds = QRectF(-1.0, low, len(rows) + 1.0, max(high - low, 1e-9))
        else:
            self._bounds = QRectF()
        super().on_change()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        x, rows, size = self.exposed(option)
        if not len(rows):
            return
        is_up = rows["close"] >= rows["open"]
        is_hollow = self.pixels_per_bar() * size * BODY >= HOLLOW_PX
        for chosen, word in ((is_up, "up"), (~is_up, "down")):
            if not chosen.any():
                continue
            at, bars = x[chosen], rows[chosen]
            bottom, top = np.minimum(bars["open"], bars["close"]), np.maximum(bars["open"], bars["close"])
            painter.setPen(self.theme.pen(word))
            self.draw_lines(painter, at, bars["high"], at, top)
            self.draw_lines(painter, at, bars["low"], at, bottom)
            is_empty = is_hollow and word == "up"
            painter.setBrush(QBrush(self.theme.colour("panel" if is_empty else word)))
            self.draw_rects(painter, at - BODY * size / 2, bottom, BODY * size, top - bottom)


class VolumeItem(BarItem):
    """Volume at the foot of the chart, scaled to the highest that is seen."""

    def boundingRect(self) -> QRectF:
        view = self.viewRect()
        return QRectF() if view is None else QRectF(view.left(), view.top(), view.width(), VOLUME_SHARE * view.height())

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        view = self.viewRect()
        size = group_size(self.pixels_per_bar())
        first, last = max(0, int(view.left()) - size), min(len(self.series), int(view.right()) + size + 1)
        if last <= first:
            return
        x, rows = reduced(self.series.rows, first, last, size)
        most = float(rows["volume"].max())
        if most <= 0:
            return
        heights = rows["volume"] / most * VOLUME_SHARE * view.height()
        is_up = rows["close"] >= rows["open"]
        painter.setPen(Qt.PenStyle.NoPen)
        for chosen, word in ((is_up, "up_flash"), (~is_up, "down_flash")):
            if chosen.any():
                painter.setBrush(QBrush(self.theme.colour(word)))
                self.draw_rects(painter, x[chosen] - BODY * size / 2, view.top(), BODY * size, heights[chosen])

"""What was done, on the chart where it was done: fills as arrows, held positions and working orders as lines at their price.

Bought points up from below the bar, sold points down from above it; each line says in words what it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QPolygonF

from engine.core.model import Fill, OrderType, Side
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.theme import Theme
from widgets.chart.series import Series

ARROW_PX = 6.0
LABEL_LEFT, LABEL_STEP = 8.0, 40.0


@dataclass(frozen=True, slots=True)
class Level:
    """A line across the chart."""

    price: float
    text: str
    word: str
    """The theme's word for its colour."""
    is_dotted: bool = False


def levels_of(view: EngineView, key: str) -> list[Level]:
    """Make the lines of one instrument: what is held of it, and what is working."""
    lines: list[Level] = []
    for position in view.positions.values():
        if position.instrument.key == key and position.quantity:
            word = "Long" if position.quantity > 0 else "Short"
            text = f"{word} {numbers.grouped(abs(position.quantity))} at {numbers.price(position.average_price)}"
            lines.append(Level(position.average_price, text, "buy" if position.quantity > 0 else "sell"))
    for order in view.orders.values():
        is_stop = order.request.order_type in (OrderType.SL, OrderType.SL_M)
        price = order.trigger_price if is_stop else order.price
        if order.instrument.key == key and order.status.is_working and price:
            side, purpose = order.request.side, order.request.purpose.value.replace("_", " ")
            text = f"{side.name} {numbers.grouped(order.remaining)} {purpose}"
            lines.append(Level(price, text, side.name.lower(), is_dotted=True))
    return lines


class _Overlay(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Something drawn in pixels over the whole chart."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()
        self.update()

    def boundingRect(self) -> QRectF:
        view = self.viewRect()
        return QRectF() if view is None else QRectF(view)


class FillMarks(_Overlay):
    """The fills of one instrument."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.series = Series(60)
        self.fills: list[Fill] = []

    def show_fills(self, series: Series, fills: Sequence[Fill]) -> None:
        """Mark these fills on these bars."""
        self.series = series
        self.fills = list(fills)
        self.update()

    def add(self, fill: Fill) -> None:
        """Mark one more."""
        self.fills.append(fill)
        self.update()

    def at(self, place: int) -> list[Fill]:
        """Return the fills of one bar."""
        return [fill for fill in self.fills if self.series.place(fill.time_ns) == place]

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        view = self.viewRect()
        transform = painter.worldTransform()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for fill in self.fills:
            place = self.series.place(fill.time_ns)
            if place >= 0 and view.left() - 1 <= place <= view.right() + 1:
                bar = self.series.rows[place]
                edge = min(float(bar.low), fill.price) if fill.side is Side.BUY else max(float(bar.high), fill.price)
                self._arrow(painter, transform.map(QPointF(place, edge)), fill.side)

    def _arrow(self, painter: QPainter, tip: QPointF, side: Side) -> None:
        way = ARROW_PX if side is Side.BUY else -ARROW_PX
        tip = QPointF(tip.x(), tip.y() + 0.5 * way)
        foot = tip.y() + 1.7 * way
        corners = [tip, QPointF(tip.x() + ARROW_PX, foot), QPointF(tip.x() - ARROW_PX, foot)]
        painter.setPen(QPen(self.theme.colour("panel"), 1.5))
        painter.setBrush(self.theme.colour("buy" if side is Side.BUY else "sell"))
        painter.drawPolygon(QPolygonF(corners))


class Levels(_Overlay):
    """Positions and working orders of one instrument, and its last price."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.levels: list[Level] = []

    def show_levels(self, levels: Sequence[Level]) -> None:
        """Draw these lines and no others."""
        if list(levels) != self.levels:
            self.levels = list(levels)
            self.update()

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        view = self.viewRect()
        transform = painter.worldTransform()
        left, right = (transform.map(QPointF(x, view.center().y())).x() for x in (view.left(), view.right()))
        painter.resetTransform()
        metrics = QFontMetricsF(painter.font())
        taken: list[QRectF] = []
        for level in self.levels:
            if view.top() <= level.price <= view.bottom():
                y = round(transform.map(QPointF(view.left(), level.price)).y()) + 0.5
                size = QSizeF(metrics.horizontalAdvance(level.text) + 12, metrics.height() + 2)
                box = QRectF(QPointF(left + LABEL_LEFT, y - size.height() / 2), size)
                while any(box.intersects(other) for other in taken):
                    box.translate(LABEL_STEP, 0)
                taken.append(box)
                self._draw(painter, level, (left, right, y), box)

    def _draw(self, painter: QPainter, level: Level, line: tuple[float, float, float], box: QRectF) -> None:
        left, right, y = line
        pen = QPen(self.theme.colour(level.word), 1, Qt.PenStyle.DotLine if level.is_dotted else Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        painter.setPen(QPen(self.theme.colour(level.word), 1))
        painter.setBrush(self.theme.colour("panel"))
        painter.drawRect(box)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), level.text)

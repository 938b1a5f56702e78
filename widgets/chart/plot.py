"""The chart itself: candles, volume, overlays, arrows and lines on one plot that follows the newest bar until it is pulled away.

The height always fits what is seen. The wheel changes how much is seen and keeps the newest bar in place; dragging goes back in time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer, Signal

from widgets.base import numbers
from widgets.base.theme import Theme
from widgets.chart.axes import PriceAxis, Tag, TimeAxis
from widgets.chart.candles import CandleItem, VolumeItem
from widgets.chart.marks import FillMarks, Levels
from widgets.chart.overlays import Overlay
from widgets.chart.series import Series

SEEN_BARS = 120
MARGIN_BARS = 6
LEAST_BARS, MOST_BARS = 12, 20_000
ZOOM = 1.0015
PAD = 0.08
CATCH_UP_MS = 10
OVERLAY_WORDS = ("overlay_1", "overlay_2", "overlay_3")


class _Box(pg.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types
    """Zooms by the wheel around the newest bar, around the pointer with Ctrl."""

    zoomed = Signal(float, object)

    def wheelEvent(self, ev: Any, axis: Any = None) -> None:
        ev.accept()
        at = self.mapSceneToView(ev.scenePos()).x() if ev.modifiers() & Qt.KeyboardModifier.ControlModifier else None
        self.zoomed.emit(ZOOM ** -ev.delta(), at)


class Plot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """One chart."""

    pointed = Signal(object)
    """Place of the bar under the pointer, None when the pointer has left."""
    menu_asked = Signal(float, QPoint)
    """Price under the pointer, and where on the screen."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.times, self.prices = TimeAxis(theme), PriceAxis(theme)
        self._box = _Box(enableMenu=False)
        super().__init__(viewBox=self._box, axisItems={"bottom": self.times, "right": self.prices})
        self.series = Series(60)
        self.decimals = 2
        self.is_following = True
        self.overlays: list[tuple[Overlay, list[Any]]] = []
        self.candles, self.volume = CandleItem(theme), VolumeItem(theme)
        self.levels, self.fills = Levels(theme), FillMarks(theme)
        self._lines = [pg.InfiniteLine(angle=angle) for angle in (90, 0)]
        self._set_up()
        self._catching_up = QTimer(self)
        self._catching_up.setSingleShot(True)
        self._catching_up.setInterval(CATCH_UP_MS)
        self._catching_up.timeout.connect(self._follow_overlays)
        self._box.sigXRangeChanged.connect(self.fit_height)
        self._box.sigRangeChangedManually.connect(self._on_moved)
        self._box.zoomed.connect(self.zoom)
        self._pointer = pg.SignalProxy(self.scene().sigMouseMoved, rateLimit=60, slot=self._on_pointer)
        theme.changed.connect(self._take_theme)
        self._take_theme()

    def _set_up(self) -> None:
        self.hideAxis("left")
        self.showAxis("right")
        self.hideButtons()
        self._box.setMouseEnabled(x=True, y=False)
        self._box.disableAutoRange()
        self._box.setDefaultPadding(0.0)
        self.setMinimumSize(200, 120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        items: tuple[Any, ...] = (self.volume, self.candles, self.levels, self.fills)
        for depth, item in enumerate(items):
            item.setZValue(10 * depth)
            self.addItem(item, ignoreBounds=True)
        for line in self._lines:
            line.setZValue(90)
            line.hide()
            self.addItem(line, ignoreBounds=True)

    def _take_theme(self) -> None:
        self.setBackground(self.theme.colour("panel"))
        for axis in (self.times, self.prices):
            axis.take_theme()
        for line in self._lines:
            line.setPen(pg.mkPen(self.theme.colour("cross"), width=1, style=Qt.PenStyle.DashLine))
        self.getPlotItem().showGrid(x=True, y=True, alpha=0.12 if self.theme.is_dark else 0.18)
        for number, (_, curves) in enumerate(self.overlays):
            for curve in curves:
                curve.setPen(self._overlay_pen(number))
        self.candles.update()
        self.volume.update()

    def _overlay_pen(self, number: int) -> Any:
        return pg.mkPen(self.theme.colour(OVERLAY_WORDS[number % len(OVERLAY_WORDS)]), width=1)

    # What is shown

    def show_series(self, series: Series, decimals: int) -> None:
        """Show other bars, the newest of them."""
        self.series, self.decimals = series, decimals
        self.prices.decimals = decimals
        self.times.series = series
        self.candles.show_series(series)
        self.volume.show_series(series)
        self.fills.show_fills(series, ())
        for overlay, _ in self.overlays:
            overlay.restart(len(series))
        self._follow_overlays()
        self.is_following = True
        self.show_newest(SEEN_BARS)

    def set_overlays(self, overlays: list[Overlay]) -> None:
        """Draw these indicators, and no others."""
        for _, curves in self.overlays:
            for curve in curves:
                self.removeItem(curve)
        self.overlays = []
        for number, overlay in enumerate(overlays):
            curves = [pg.PlotCurveItem(pen=self._overlay_pen(number), connect="finite") for _ in overlay.indicator.outputs]
            for curve in curves:
                curve.setZValue(15)
                self.addItem(curve, ignoreBounds=True)
            overlay.restart(len(self.series))
            self.overlays.append((overlay, curves))
        self._follow_overlays()

    def _follow_overlays(self) -> None:
        """Reckon the overlays on, and again shortly when they have not caught up."""
        for overlay, curves in self.overlays:
            if not overlay.follow(self.series.rows):
                self._catching_up.start()
            for curve, values in zip(curves, overlay.lines, strict=False):
                curve.setData(overlay.first + np.arange(len(values), dtype=np.float64), values)

    def on_change(self, is_new_bar: bool) -> None:
        """Draw the last bar anew, and make room for it when it is new and the chart follows."""
        self._follow_overlays()
        self.candles.on_change()
        self.volume.on_change()
        if is_new_bar and self.is_following:
            self.show_newest()
        else:
            self.fit_height()

    def tag_last(self, price: float, word: str) -> None:
        """Show the last price at the scale."""
        self.prices.tag("last", Tag(price, numbers.decimal(price, self.decimals), word) if price else None)

    # What part of it is seen

    @property
    def seen(self) -> tuple[float, float]:
        """The first and last place that are seen, as fractions of bars."""
        left, right = self._box.viewRange()[0]
        return float(left), float(right)

    def show_newest(self, bars: float = 0.0) -> None:
        """Go to the newest bar, seeing so many bars (0: as many as now)."""
        self.is_following = True
        left, right = self.seen
        width = bars or right - left
        end = len(self.series) - 0.5 + MARGIN_BARS
        self._box.setXRange(end - width, end, padding=0)
        self.fit_height()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """See more bars (above 1) or fewer, keeping the right edge, or the place `at`, where it is."""
        left, right = self.seen
        factor = min(max(factor, LEAST_BARS / (right - left)), MOST_BARS / (right - left))
        anchor = right if at is None else at
        self._box.setXRange(anchor - (anchor - left) * factor, anchor + (right - anchor) * factor, padding=0)

    def pan(self, bars: float) -> None:
        """Go that many bars on, or back."""
        left, right = self.seen
        self._box.setXRange(left + bars, right + bars, padding=0)
        self._on_moved()

    def _on_moved(self, *_: object) -> None:
        self.is_following = self.seen[1] >= len(self.series) - 1

    def fit_height(self, *_: object) -> None:
        """Fit the scale to what is seen."""
        left, right = self.seen
        first, last = max(0, int(left)), min(len(self.series), int(right) + 1)
        if last <= first:
            return
        rows = self.series.rows[first:last]
        low, high = float(rows["low"].min()), float(rows["high"].max())
        pad = max((high - low) * PAD, high * 1e-4)
        self._box.setYRange(low - 2.5 * pad, high + pad, padding=0)

    # The pointer

    def _on_pointer(self, event: tuple[QPointF]) -> None:
        position = event[0]
        if self._box.sceneBoundingRect().contains(position) and len(self.series):
            self.point(self._box.mapSceneToView(position))
        else:
            self.leave()

    def point(self, at: QPointF) -> None:
        """Put the cross on a bar and a price."""
        place = min(max(0, round(at.x())), len(self.series) - 1)
        for line, value in zip(self._lines, (place, at.y()), strict=True):
            line.setValue(value)
            line.show()
        self.prices.tag("cross", Tag(at.y(), numbers.decimal(at.y(), self.decimals), "cross"))
        start = int(self.series.times[place])
        self.times.tag("cross", Tag(place, numbers.day_clock(start)[:-3], "cross"))
        self.pointed.emit(place)

    def leave(self) -> None:
        """Take the cross away."""
        for line in self._lines:
            line.hide()
        self.prices.tag("cross", None)
        self.times.tag("cross", None)
        self.pointed.emit(None)

    def contextMenuEvent(self, event: Any) -> None:
        self.menu_asked.emit(float(self._box.mapSceneToView(self.mapToScene(event.pos())).y()), event.globalPos())
        event.accept()

    def leaveEvent(self, event: Any) -> None:
        super().leaveEvent(event)
        self.leave()

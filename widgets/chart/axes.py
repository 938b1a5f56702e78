"""The two scales of the chart: rupees at the right with the last price on it, exchange time at the foot without nights or holidays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from widgets.base import numbers
from widgets.base.theme import Theme
from widgets.chart.series import Series

LABEL_PX = 78
"""Room for one time."""

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180)
DAY_MIN = 1_440
IST_NS = 19_800 * numbers.NS
MINUTE_NS = 60 * numbers.NS


class Tag:
    """A label that an axis carries at one place."""

    def __init__(self, value: float, text: str, word: str) -> None:
        self.value, self.text, self.word = value, text, word


class TaggedAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis with labels that stand out: the last price, the cross."""

    def __init__(self, side: str, theme: Theme) -> None:
        super().__init__(side)
        self.theme = theme
        self.tags: dict[str, Tag] = {}
        self.setStyle(tickLength=0, showValues=True, tickTextOffset=6)
        self.take_theme()

    def take_theme(self) -> None:
        """Take the theme's colours again."""
        self.setPen(self.theme.colour("line"))
        self.setTextPen(self.theme.colour("muted"))

    def tag(self, name: str, tag: Tag | None) -> None:
        """Put a label on the axis, move it, or take it off."""
        if tag is None:
            self.tags.pop(name, None)
        else:
            self.tags[name] = tag
        self.update()

    def _paint_tag(self, painter: QPainter, tag: Tag) -> None:
        raise NotImplementedError

    def paint(self, painter: QPainter, option: Any, widget: Any) -> None:
        super().paint(painter, option, widget)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for tag in self.tags.values():
            self._paint_tag(painter, tag)

    def _paint_box(self, painter: QPainter, box: QRectF, tag: Tag) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour(tag.word))
        painter.drawRect(box)
        painter.setPen(self.theme.colour("window"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), tag.text)


class PriceAxis(TaggedAxis):
    """Rupees."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("right", theme)
        self.decimals = 2
        self.setWidth(84)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [numbers.decimal(value, self.decimals) for value in values]

    def _paint_tag(self, painter: QPainter, tag: Tag) -> None:
        view = self.linkedView()
        low, high = view.viewRange()[1]
        if not low <= tag.value <= high:
            return
        y = (high - tag.value) / (high - low) * self.height()
        height = QFontMetricsF(painter.font()).height() + 2
        self._paint_box(painter, QRectF(1, y - height / 2, self.width() - 1, height), tag)


class TimeAxis(TaggedAxis):
    """Exchange time by bar; the first bar of a day carries the date."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("bottom", theme)
        self.series = Series(60)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        first, last = max(0, int(np.ceil(minVal))), min(len(self.series), int(maxVal) + 1)
        if last <= first:
            return []
        times = self.series.times
        minutes = (times[first:last] + IST_NS) // MINUTE_NS
        before = (times[first - 1] + IST_NS) // MINUTE_NS if first else minutes[0]
        is_first_of_day = np.diff(minutes // DAY_MIN, prepend=before // DAY_MIN) > 0
        if not first:
            is_first_of_day[0] = True
        share = (last - first) / max(1e-9, maxVal - minVal)
        room = max(1, int(share * size / LABEL_PX))
        days = np.flatnonzero(is_first_of_day)
        chosen = days[:: max(1, -(-len(days) // room))]
        for step in STEPS_MIN:
            inside = np.flatnonzero((minutes % step == 0) & ~is_first_of_day)
            if len(days) + len(inside) <= room:
                chosen = np.sort(np.concatenate([days, _apart(inside, days, (last - first) / max(1, room))]))
                break
        return [(1.0, (chosen + first).astype(float).tolist())]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [self._text(int(value)) for value in values]

    def _text(self, place: int) -> str:
        times = self.series.times
        if not 0 <= place < len(times):
            return ""
        now = numbers.moment(int(times[place]))
        is_new_day = place == 0 or numbers.moment(int(times[place - 1])).date() != now.date()
        return f"{now.day} {now:%b}" if is_new_day else f"{now:%H:%M}"

    def _paint_tag(self, painter: QPainter, tag: Tag) -> None:
        low, high = self.linkedView().viewRange()[0]
        x = (tag.value - low) / (high - low) * self.width()
        metrics = QFontMetricsF(painter.font())
        width = metrics.horizontalAdvance(tag.text) + 12
        left = min(max(0.0, x - width / 2), self.width() - width)
        self._paint_box(painter, QRectF(left, 2, width, metrics.height() + 2), tag)


def _apart(places: np.ndarray, from_these: np.ndarray, least: float) -> np.ndarray:
    """Leave out places that stand nearer than `least` bars to a day's first, where the date needs the room."""
    if not len(from_these) or not len(places):
        return places
    distance = np.abs(places[:, None] - from_these[None, :]).min(axis=1)
    return np.asarray(places[distance >= least])

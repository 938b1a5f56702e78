from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.core.model import OrderStatus, Side
from widgets.base.theme import Theme
from widgets.chart.axes import Tag
from widgets.chart.marks import levels_of
from widgets.chart.overlays import Overlay
from widgets.chart.plot import LEAST_BARS, MARGIN_BARS, SEEN_BARS, Plot
from widgets.chart.series import Series

OPEN_NS, MINUTE_NS = 1_762_141_500_000_000_000, 60_000_000_000


@pytest.fixture
def plot(theme: Theme, shown: Any, minutes: Any) -> Plot:
    made: Plot = shown(Plot(theme))
    series = Series(60)
    series.load(minutes(600))
    made.show_series(series, 2)
    return made


def picture(plot: Plot) -> QImage:
    QApplication.processEvents()
    return plot.grab().toImage()


def count(image: QImage, colour: Any) -> int:
    return sum(image.pixelColor(x, y) == colour for x in range(0, image.width()) for y in range(0, image.height(), 2))


def test_the_newest_bars_are_seen_and_the_height_fits_them(plot: Plot) -> None:
    left, right = plot.seen
    assert right == pytest.approx(600 - 0.5 + MARGIN_BARS)
    assert right - left == pytest.approx(SEEN_BARS)
    low, high = plot._box.viewRange()[1]
    seen = plot.series.rows[int(left) :]
    assert low < seen["low"].min()
    assert high > seen["high"].max()


def test_candles_of_both_kinds_are_painted(plot: Plot, theme: Theme) -> None:
    image = picture(plot)
    assert count(image, theme.colour("up")) > 50
    assert count(image, theme.colour("down")) > 50
    assert count(image, theme.colour("up_flash")) > 20, "volume"


@pytest.mark.parametrize("bars", [20, 600, 5_000])
def test_it_paints_at_every_zoom(plot: Plot, theme: Theme, minutes: Any, bars: int) -> None:
    series = Series(60)
    series.load(minutes(5_000))
    plot.show_series(series, 2)
    plot.show_newest(bars)
    assert count(picture(plot), theme.colour("down")) > 20


def test_an_empty_chart_paints_and_waits(theme: Theme, shown: Any) -> None:
    plot = shown(Plot(theme))
    plot.show_series(Series(60), 2)
    plot.fit_height()
    assert not picture(plot).isNull()


def test_a_new_bar_moves_a_chart_that_follows_and_not_one_that_was_pulled_away(plot: Plot, minutes: Any) -> None:
    right = plot.seen[1]
    plot.series.on_closed(60, minutes(1, 600)[0])
    plot.on_change(True)
    assert plot.seen[1] == pytest.approx(right + 1)
    plot.pan(-100)
    assert not plot.is_following
    before = plot.seen
    plot.series.on_closed(60, minutes(1, 601)[0])
    plot.on_change(True)
    assert plot.seen == before
    plot.show_newest()
    assert plot.is_following


def test_the_wheel_zooms_around_the_newest_bar_and_with_ctrl_around_the_pointer(plot: Plot) -> None:
    def turn(held: Qt.KeyboardModifier, steps: int = 120) -> None:
        at = QPointF(200, 150)
        event = QWheelEvent(
            at,
            plot.viewport().mapToGlobal(at),
            QPoint(),
            QPoint(0, steps),
            Qt.MouseButton.NoButton,
            held,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(plot.viewport(), event)

    left, right = plot.seen
    turn(Qt.KeyboardModifier.NoModifier)
    assert plot.seen[1] == pytest.approx(right)
    assert plot.seen[0] > left
    turn(Qt.KeyboardModifier.NoModifier, -120)
    assert plot.seen[0] == pytest.approx(left)
    turn(Qt.KeyboardModifier.ControlModifier)
    assert plot.seen[1] < right
    plot.zoom(1e-9)
    assert plot.seen[1] - plot.seen[0] == pytest.approx(LEAST_BARS)


def test_dragging_goes_back_in_time(plot: Plot) -> None:
    right = plot.seen[1]
    left_button, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def mouse(kind: QEvent.Type, x: int, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        at = QPointF(x, 150)
        view = plot.viewport()
        QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier))

    mouse(QEvent.Type.MouseButtonPress, 200, left_button, left_button)
    for x in range(220, 520, 20):
        mouse(QEvent.Type.MouseMove, x, none, left_button)
    mouse(QEvent.Type.MouseButtonRelease, 500, left_button, none)
    assert plot.seen[1] < right - 10
    assert not plot.is_following


def test_the_cross_stands_on_a_bar_and_tells_which(plot: Plot) -> None:
    heard: list[Any] = []
    plot.pointed.connect(heard.append)
    plot.point(QPointF(580.4, 1_481.0))
    assert heard == [580]
    assert plot.prices.tags["cross"].text == "1,481.00"
    assert plot.times.tags["cross"].text == "03 Nov 18:55"
    shown = picture(plot)
    plot.point(QPointF(1e9, 1_481.0))
    assert heard[-1] == 599
    plot.leave()
    assert heard[-1] is None
    assert picture(plot) != shown
    plot._on_pointer((plot.sceneRect().center(),))
    assert heard[-1] is not None
    plot._on_pointer((QPointF(-10, -10),))
    assert heard[-1] is None


def test_the_last_price_is_tagged_at_the_scale(plot: Plot) -> None:
    bare = picture(plot)
    plot.tag_last(1_481.5, "up")
    assert plot.prices.tags["last"].text == "1,481.50"
    assert picture(plot) != bare
    plot.tag_last(9_999.0, "up")
    assert picture(plot) == bare, "a price out of sight has no tag"
    plot.tag_last(0.0, "up")
    assert "last" not in plot.prices.tags


def test_the_times_are_round_and_days_carry_their_date(plot: Plot, minutes: Any) -> None:
    rows = minutes(750)
    rows["time_ns"][375:] += (24 * 60 - 375) * MINUTE_NS
    series = Series(60)
    series.load(rows)
    plot.show_series(series, 2)

    def texts(left: float, right: float, width: float) -> list[str]:
        [(_, places)] = plot.times.tickValues(left, right, width)
        return plot.times.tickStrings(places, 1.0, 1.0)

    assert texts(370, 490, 900) == ["4 Nov", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45", "11:00"] or "4 Nov" in texts(
        370, 490, 900
    )
    assert all(text.endswith((":00", ":30", ":15", ":45", "Nov")) for text in texts(370, 490, 700))
    assert texts(0, 750, 160) == ["3 Nov", "4 Nov"]
    assert plot.times.tickValues(-50, -10, 500) == []
    assert plot.times.tickStrings([9e9], 1.0, 1.0) == [""]
    plot.times.tag("cross", Tag(740, "4 Nov 15:00", "cross"))
    assert not picture(plot).isNull()


def test_fills_are_marked_on_their_bar_in_the_colour_of_their_side(plot: Plot, desk: Any, theme: Theme) -> None:
    buy = desk.fill("1", Side.BUY, 1_480.0, OPEN_NS + 570 * MINUTE_NS + 1)
    sell = desk.fill("2", Side.SELL, 1_482.0, OPEN_NS + 590 * MINUTE_NS)
    far = desk.fill("3", Side.SELL, 1_482.0, OPEN_NS - MINUTE_NS)
    assert count(picture(plot), theme.colour("buy")) == 0
    plot.fills.show_fills(plot.series, [buy])
    plot.fills.add(sell)
    plot.fills.add(far)
    image = picture(plot)
    assert count(image, theme.colour("buy")) > 2
    assert count(image, theme.colour("sell")) > 2
    assert plot.fills.at(570) == [buy]
    assert plot.fills.at(571) == []


def test_positions_and_working_orders_are_lines_with_words(plot: Plot, desk: Any, theme: Theme) -> None:
    desk.position(-10, 1_481.0)
    desk.order("1", price=1_478.0)
    desk.order("2", OrderStatus.FILLED)
    lines = levels_of(desk.view, "NSE:RELIANCE")
    told = [(line.price, line.text, line.is_dotted) for line in lines]
    assert told == [(1_481.0, "Short 10 at 1,481.00", False), (1_478.0, "BUY 10 entry", True)]
    assert levels_of(desk.view, "NSE:TCS") == []
    bare = picture(plot)
    plot.levels.show_levels(lines)
    assert picture(plot) != bare
    assert count(picture(plot), theme.colour("sell")) > 50


def test_overlays_are_drawn_follow_and_change_with_the_theme(plot: Plot, theme: Theme, minutes: Any, qtbot: QtBot) -> None:
    bare = picture(plot)
    plot.set_overlays([Overlay("ema"), Overlay("bollinger")])
    qtbot.waitUntil(lambda: all(len(overlay.lines[0]) == 600 for overlay, _ in plot.overlays))
    assert picture(plot) != bare
    plot.series.on_closed(60, minutes(1, 600)[0])
    plot.on_change(True)
    assert all(len(overlay.lines[0]) == 601 for overlay, _ in plot.overlays)
    theme.switch("light")
    assert count(picture(plot), theme.colour("overlay_1")) > 20
    plot.set_overlays([])
    assert count(picture(plot), theme.colour("overlay_1")) == 0

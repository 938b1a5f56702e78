from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from engine.core.model import OrderStatus
from widgets.base.theme import Theme
from widgets.panels.chart import Chart

OPEN_NS, MINUTE_NS = 1_762_141_500_000_000_000, 60_000_000_000


@pytest.fixture
def chart(desk: Any, theme: Theme, shown: Any) -> Chart:
    return shown(Chart(desk.view, theme))  # type: ignore[no-any-return]


def test_without_a_wish_the_first_followed_instrument_is_shown(chart: Chart) -> None:
    assert chart.instrument is not None
    assert chart.instrument.symbol == "RELIANCE"
    assert chart.head.text() == "RELIANCE"


def test_it_asks_for_history_only_when_somebody_can_hear_it(desk: Any, theme: Theme, shown: Any, asked: Any) -> None:
    chart = Chart(desk.view, theme)
    kept = asked(chart)
    shown(chart)
    assert kept == [("chart.load", ("NSE:RELIANCE", 60))]


def test_showing_an_instrument_asks_for_its_history_and_draws_the_answer(chart: Chart, desk: Any, asked: Any, minutes: Any) -> None:
    kept = asked(chart)
    chart.show_key("NSE:TCS")
    chart.show_key("NSE:TCS")
    assert kept == [("chart.load", ("NSE:TCS", 60))]
    desk.view.on_history("NSE:RELIANCE", 60, minutes(50))
    desk.view.on_history("NSE:TCS", 300, minutes(50))
    assert len(chart.series) == 0, "the answer to another question"
    desk.view.on_history("NSE:TCS", 60, minutes(200, slot=1))
    assert len(chart.series) == 200
    assert chart.readout.text().startswith("O 1,")


def test_a_wish_for_an_instrument_that_is_not_known_yet_is_kept(chart: Chart, desk: Any, theme: Theme, shown: Any) -> None:
    instruments = list(desk.view.catalogue.values())
    desk.view.set_catalogue([])
    other = shown(Chart(desk.view, theme))
    other.restore_state({"key": "NSE:TCS", "interval_s": 300, "indicators": ["ema"]})
    assert other.instrument is None
    assert other.save_state() == {"key": "NSE:TCS", "interval_s": 300, "indicators": ["ema"]}
    desk.view.set_catalogue(instruments)
    assert other.instrument == desk.tcs


def test_another_interval_is_asked_for(chart: Chart, asked: Any) -> None:
    kept = asked(chart)
    chart.interval.choose(300)
    assert kept == [("chart.load", ("NSE:RELIANCE", 300))]
    assert chart.series.interval_s == 300


def test_ticks_move_the_forming_bar_and_the_last_price(chart: Chart, desk: Any, minutes: Any) -> None:
    desk.view.on_history("NSE:RELIANCE", 60, minutes(100))
    desk.view.board.forming[0] = minutes(1, 100)[0]
    desk.tick("RELIANCE", 1_485.0, close=1_480.0)
    desk.frame()
    assert len(chart.series) == 101
    assert chart.plot.prices.tags["last"].text == "1,485.00"
    desk.view.board.forming[0]["close"] = 1_499.0
    desk.tick("TCS", 3_000.0)
    desk.frame()
    assert chart.series.last.close != 1_499.0, "another instrument ticked"
    desk.tick("RELIANCE", 1_486.0)
    desk.frame()
    assert chart.series.last.close == 1_499.0
    assert len(chart.series) == 101


def test_bars_that_close_are_taken_for_this_instrument_only(chart: Chart, desk: Any, minutes: Any) -> None:
    desk.view.on_history("NSE:RELIANCE", 60, minutes(100))
    desk.view.on_bars(60, minutes(1, 100, slot=1))
    assert len(chart.series) == 100
    desk.view.on_bars(60, minutes(1, 100))
    assert len(chart.series) == 101


def test_fills_positions_and_orders_show_on_it(chart: Chart, desk: Any, minutes: Any) -> None:
    desk.fill("1", time_ns=OPEN_NS + 5 * MINUTE_NS)
    desk.view.on_history("NSE:RELIANCE", 60, minutes(100))
    assert len(chart.plot.fills.fills) == 1
    desk.fill("2", time_ns=OPEN_NS + 6 * MINUTE_NS)
    assert len(chart.plot.fills.fills) == 2
    desk.position(10)
    desk.order("1", OrderStatus.OPEN)
    desk.frame()
    assert len(chart.plot.levels.levels) == 2
    chart.plot.point(QPointF(6, 1_480.0))
    assert "BUY 10 at 1,480.00 (ema)" in chart.readout.text()
    desk.tick("RELIANCE", 1_481.0)
    desk.frame()
    assert "BUY 10" in chart.readout.text(), "a tick does not take away what is being read"
    chart.plot.leave()
    assert "BUY 10" not in chart.readout.text()


def test_b_and_s_open_a_ticket_for_what_is_shown(chart: Chart, asked: Any, press: Any) -> None:
    kept = asked(chart)
    press(chart.plot, Qt.Key.Key_B, "b")
    press(chart.plot, Qt.Key.Key_S, "s", is_held=True)
    press(chart.plot, Qt.Key.Key_S, "s")
    assert kept == [("ticket.buy", {"key": "NSE:RELIANCE"}), ("ticket.sell", {"key": "NSE:RELIANCE"})]
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_B, Qt.KeyboardModifier.NoModifier, "b")
    event.ignore()
    QApplication.sendEvent(chart.plot, event)
    assert event.isAccepted()


def test_keys_move_and_zoom(chart: Chart, desk: Any, minutes: Any, press: Any) -> None:
    desk.view.on_history("NSE:RELIANCE", 60, minutes(500))
    left, right = chart.plot.seen
    press(chart.plot, Qt.Key.Key_Left)
    assert chart.plot.seen[1] == pytest.approx(right - 10)
    press(chart.plot, Qt.Key.Key_Right)
    press(chart.plot, Qt.Key.Key_Plus, "+")
    assert chart.plot.seen[0] > left
    press(chart.plot, Qt.Key.Key_Minus, "-")
    press(chart.plot, Qt.Key.Key_Left)
    press(chart.plot, Qt.Key.Key_End)
    assert chart.plot.seen[1] == pytest.approx(right)
    press(chart.plot, Qt.Key.Key_F12)


def test_indicators_are_chosen_from_the_registry(chart: Chart, desk: Any, minutes: Any) -> None:
    desk.view.on_history("NSE:RELIANCE", 60, minutes(100))
    menu = chart._choose_indicators()
    assert isinstance(menu, QMenu)
    entries = {entry.text(): entry for entry in menu.actions()}
    entries["ema"].trigger()
    assert chart.legend.text() == "EMA 20"
    assert len(chart.plot.overlays) == 1
    menu.close()
    chart.set_indicator("ema", False)
    assert chart.legend.text() == ""


def test_the_finder_shows_another_symbol(chart: Chart, qtbot: QtBot) -> None:
    qtbot.keyClicks(chart.finder, "tata")
    qtbot.keyClick(chart.finder, Qt.Key.Key_Return)
    assert chart.instrument is not None
    assert chart.instrument.symbol == "TCS"
    chart.view.clear()
    assert len(chart.series) == 0

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from engine.core.model import Phase
from widgets.base.theme import Theme
from widgets.panels.market_watch import MarketWatch


@pytest.fixture
def watch(desk: Any, theme: Theme, shown: Any) -> MarketWatch:
    return shown(MarketWatch(desk.view, theme))  # type: ignore[no-any-return]


def cell(watch: MarketWatch, key: str, column: str) -> str:
    rows = watch.grid.rows
    at = next(number for number, item in enumerate(rows.columns) if item.name == column)
    return str(rows.data(rows.index(rows.row_of(key), at)))


def test_without_a_list_of_its_own_it_shows_what_the_engine_follows(watch: MarketWatch, desk: Any) -> None:
    assert watch.symbols == ["NSE:RELIANCE", "NSE:TCS"]
    desk.slots["NIFTY 50"] = desk.view.board.add(desk.nifty)
    desk.tick("NIFTY 50", 25_000.0)
    assert watch.symbols[-1] == "NSE:NIFTY 50"
    assert cell(watch, "NSE:NIFTY 50", "last") == "25,000.00"


def test_a_tick_shows_with_the_next_frame_with_sign_and_shape(watch: MarketWatch, desk: Any) -> None:
    assert cell(watch, "NSE:TCS", "last") == "–"
    desk.tick("TCS", 3_030.0, close=3_000.0)
    desk.frame()
    assert cell(watch, "NSE:TCS", "last") == "3,030.00"
    assert cell(watch, "NSE:TCS", "change_pct") == "▲ +1.00%"
    assert cell(watch, "NSE:TCS", "change") == "+30.00"
    desk.tick("TCS", 2_970.0)
    assert cell(watch, "NSE:TCS", "change_pct") == "▼ −1.00%"
    assert cell(watch, "NSE:TCS", "spread") == "0.20"
    assert cell(watch, "NSE:TCS", "day") == "0%", "at the low of the day"
    assert cell(watch, "NSE:RELIANCE", "last") == "–"


def test_only_ticked_rows_are_marked(watch: MarketWatch, desk: Any) -> None:
    desk.frame()
    watch.grid.on_frame()
    desk.tick("TCS", 3_030.0)
    dirty = {line.key for line in watch.grid.rows.lines if line.is_dirty}
    assert dirty == {"NSE:TCS"}


def test_b_and_s_open_a_ticket_for_the_focused_row_and_enter_its_chart(watch: MarketWatch, asked: Any, press: Any) -> None:
    kept = asked(watch)
    watch.grid.focus_key("NSE:TCS")
    press(watch.grid, Qt.Key.Key_B, "b")
    press(watch.grid, Qt.Key.Key_F2)
    press(watch.grid, Qt.Key.Key_Return, "\r")
    assert kept == [("ticket.buy", {"key": "NSE:TCS"}), ("ticket.sell", {"key": "NSE:TCS"}), ("chart.open", "NSE:TCS")]


def test_letters_typed_into_the_search_open_no_ticket(watch: MarketWatch, asked: Any, qtbot: QtBot) -> None:
    kept = asked(watch)
    watch.finder.setFocus()
    qtbot.keyClicks(watch.finder, "bsBS")
    assert kept == []


def test_a_found_symbol_is_added_asked_for_and_focused(watch: MarketWatch, desk: Any, asked: Any, qtbot: QtBot) -> None:
    kept = asked(watch)
    qtbot.keyClicks(watch.finder, "nifty")
    qtbot.keyClick(watch.finder, Qt.Key.Key_Return)
    assert kept == [("watch.add", "NSE:NIFTY 50")]
    assert watch.grid.record is not None
    assert watch.grid.record.key == "NSE:NIFTY 50"
    watch.add(desk.tcs)
    assert len(kept) == 1, "what is on the list is only focused"
    assert watch.grid.record.key == "NSE:TCS"


def test_removing_takes_it_off_and_ticks_for_it_do_no_harm(watch: MarketWatch, desk: Any, asked: Any) -> None:
    kept = asked(watch)
    desk.tick("TCS", 3_000.0)
    watch.remove("NSE:TCS")
    watch.remove("NSE:TCS")
    assert kept == [("watch.remove", "NSE:TCS")]
    desk.tick("TCS", 3_001.0)
    desk.frame()
    assert watch.symbols == ["NSE:RELIANCE"]


def test_the_remembered_list_is_asked_for_once_its_instruments_are_known(desk: Any, theme: Theme, asked: Any, qtbot: QtBot) -> None:
    catalogue = list(desk.view.catalogue.values())
    desk.view.set_catalogue([])
    watch = MarketWatch(desk.view, theme)
    qtbot.addWidget(watch)
    kept = asked(watch)
    watch.restore_state({"symbols": ["NSE:NIFTY 50", "NSE:TCS", 3]})
    assert watch.symbols == ["NSE:NIFTY 50", "NSE:TCS"]
    desk.view.set_catalogue(catalogue)
    assert kept == [("watch.add", "NSE:NIFTY 50")], "TCS is followed already"
    assert watch.save_state()["symbols"] == ["NSE:NIFTY 50", "NSE:TCS"]


def test_an_old_quote_fades_while_the_market_trades(watch: MarketWatch, desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tick("TCS", 3_000.0)
    monkeypatch.setattr(watch.frames, "age_s", lambda slot: 10.0)
    desk.view.on_phase(Phase.CLOSED, "")
    watch._ageing.timeout.emit()
    assert not watch.grid.rows.by_key["NSE:TCS"].is_faded
    desk.view.on_phase(Phase.CONTINUOUS, "")
    watch._ageing.timeout.emit()
    assert watch.grid.rows.by_key["NSE:TCS"].is_faded
    assert cell(watch, "NSE:TCS", "age") == "10 s"
    desk.tick("TCS", 3_001.0)
    assert not watch.grid.rows.by_key["NSE:TCS"].is_faded


def test_what_is_held_shows_beside_its_symbol(watch: MarketWatch, desk: Any) -> None:
    desk.position(-25)
    desk.frame()
    assert cell(watch, "NSE:RELIANCE", "held") == "−25"
    desk.view.clear()
    assert cell(watch, "NSE:RELIANCE", "held") == ""


def test_the_menu_names_its_target_and_asks_for_it(watch: MarketWatch, asked: Any) -> None:
    kept = asked(watch)
    watch.grid.focus_key("NSE:TCS")
    watch.grid.menu_asked.emit(watch.grid.record, QPoint(0, 0))
    menu = watch.findChild(QMenu)
    assert isinstance(menu, QMenu)
    entries = {entry.text(): entry for entry in menu.actions()}
    watch.grid.focus_key("NSE:RELIANCE")
    entries["Buy TCS\tB"].trigger()
    assert kept == [("ticket.buy", {"key": "NSE:TCS"})], "what the menu was opened for, not what is focused now"
    entries["Move up"].trigger()
    assert watch.symbols == ["NSE:TCS", "NSE:RELIANCE"]
    entries["Remove from the list"].trigger()
    assert watch.symbols == ["NSE:RELIANCE"]


def test_the_range_of_the_day_is_drawn(watch: MarketWatch, desk: Any) -> None:
    blank = watch.grid.grab().toImage()
    desk.tick("TCS", 3_000.0)
    desk.tick("TCS", 3_010.0)
    desk.tick("TCS", 3_004.0)
    desk.frame()
    assert cell(watch, "NSE:TCS", "day") == "40%"
    assert watch.grid.grab().toImage() != blank

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QToolButton
from pytestqt.qtbot import QtBot

from engine.core.model import Position, Product, StrategyState
from engine.core.reconciliation import Report
from widgets.base.theme import Theme
from widgets.panels.positions import Positions


@pytest.fixture
def positions(desk: Any, theme: Theme, shown: Any) -> Positions:
    return shown(Positions(desk.view, theme))  # type: ignore[no-any-return]


def cell(positions: Positions, column: str, row: int = 0) -> str:
    rows = positions.grid.rows
    at = next(number for number, item in enumerate(rows.columns) if item.name == column)
    return str(rows.data(rows.index(row, at)))


def test_profit_is_marked_at_the_boards_last_price_to_the_paisa(positions: Positions, desk: Any) -> None:
    desk.position(10, 1_480.0, realised=5_000_000, charges=312_300)
    assert cell(positions, "unrealised") == "0.00"
    desk.tick("RELIANCE", 1_482.3)
    desk.frame()
    assert cell(positions, "unrealised") == "+23.00"
    assert cell(positions, "net") == "+491.77"
    assert cell(positions, "change") == "+0.16%"
    assert cell(positions, "side") == "Long"
    assert positions.totals["Net P&L"].text() == "▲ +491.77"
    assert positions.totals["Charges"].text() == "31.23"
    desk.tick("RELIANCE", 1_470.0)
    desk.frame()
    assert positions.totals["Unrealised"].text() == "▼ −100.00"


def test_a_short_gains_when_the_price_falls(positions: Positions, desk: Any) -> None:
    desk.position(-10, 1_480.0)
    desk.tick("RELIANCE", 1_479.0)
    assert cell(positions, "unrealised") == "+10.00"
    assert cell(positions, "side") == "Short"
    assert cell(positions, "quantity") == "−10"


def test_before_the_first_quote_the_positions_own_mark_counts(positions: Positions, desk: Any) -> None:
    desk.position(10, 1_480.0)
    assert cell(positions, "last") == "1,480.00"


def test_what_was_closed_stays_and_is_closed_no_more(positions: Positions, desk: Any, asked: Any) -> None:
    desk.position(10)
    desk.position(0, realised=12_840_000)
    desk.frame()
    assert cell(positions, "side") == "Closed"
    assert cell(positions, "realised") == "+1,284.00"
    kept = asked(positions)
    positions.grid.focus_key("NSE:RELIANCE|MIS")
    assert positions.verbs()["position.close"]() is None
    positions._ask_close()
    assert kept == []
    assert positions._held.text() == "Flat"


def test_the_close_button_names_what_it_closes(positions: Positions, desk: Any, asked: Any, qtbot: QtBot) -> None:
    held = desk.position(-1_250)
    positions.grid.focus_key("NSE:RELIANCE|MIS")
    assert positions._close.text() == "Close 1,250 RELIANCE"
    kept = asked(positions)
    qtbot.mouseClick(positions._close, Qt.MouseButton.LeftButton)
    assert kept == [("position.close", held)]


def test_keys_open_tickets_and_no_single_letter_closes(positions: Positions, desk: Any, asked: Any, press: Any) -> None:
    desk.position(10)
    positions.grid.focus_key("NSE:RELIANCE|MIS")
    kept = asked(positions)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        press(positions.grid, Qt.Key(ord(letter.upper())), letter)
    press(positions.grid, Qt.Key.Key_Delete)
    assert {action for action, _ in kept} == {"ticket.buy", "ticket.sell", "chart.open"}


def test_the_menu_closes_the_position_it_was_opened_for(positions: Positions, desk: Any, asked: Any) -> None:
    held = desk.position(10)
    kept = asked(positions)
    positions.grid.focus_key("NSE:RELIANCE|MIS")
    positions.grid.menu_asked.emit(positions.grid.record, QPoint(0, 0))
    menu = positions.findChild(QMenu)
    assert isinstance(menu, QMenu)
    menu.actions()[0].trigger()
    assert kept == [("position.close", held)]
    positions.grid.double_clicked.emit(positions.grid.record)
    assert kept[-1] == ("chart.open", "NSE:RELIANCE")


def test_ticks_of_others_leave_it_alone(positions: Positions, desk: Any) -> None:
    desk.position(10)
    desk.frame()
    positions.grid.on_frame()
    desk.tick("TCS", 3_000.0)
    assert not positions.grid.rows.lines[0].is_dirty


def lot(desk: Any, owner: str, quantity: int, average: float = 1_480.0, realised: int = 0, charges: int = 0) -> Position:
    made = Position(
        desk.reliance, Product.MIS, owner, quantity, round(average * 10_000) * quantity, realised, charges, round(average * 10_000)
    )
    desk.view.on_book(made)
    return made


def test_each_lot_stands_under_its_owner_and_owners_add_up_to_the_net(positions: Positions, desk: Any, qtbot: QtBot) -> None:
    desk.strategy(StrategyState.RUNNING)
    desk.position(6, 1_480.0, realised=100_000, charges=30_000)
    lot(desk, "ema", 10, charges=20_000)
    lot(desk, "external", -4, realised=100_000, charges=10_000)
    desk.tick("RELIANCE", 1_482.0)
    desk.frame()
    assert positions._agrees.text() == "Owners add up to the net"
    buttons = positions.shown.findChildren(QToolButton)
    qtbot.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert not positions._close.isEnabled()
    shown = {line.record.position.owner: line.texts for line in positions.owned.rows.lines}
    assert positions.owned.rows.rowCount() == 2
    assert set(shown) == {"ema", "external"}
    qtbot.mouseClick(buttons[2], Qt.MouseButton.LeftButton)
    rows = positions.owners.rows
    sums = [[str(rows.data(rows.index(row, at))) for at in range(6)] for row in range(rows.rowCount())]
    assert sums == [
        ["EMA", "1", "+20.00", "0.00", "2.00", "+18.00"],
        ["outside", "1", "−8.00", "+10.00", "1.00", "+1.00"],
        ["All owners", "2", "+12.00", "+10.00", "3.00", "+19.00"],
        ["Net", "1", "+12.00", "+10.00", "3.00", "+19.00"],
    ]


def test_what_does_not_add_up_is_said_in_red(positions: Positions, desk: Any) -> None:
    desk.position(10, 1_480.0)
    lot(desk, "hand", 10, realised=5_000)
    desk.frame()
    assert positions._agrees.text() == "Owners and net differ by +0.50"
    assert positions._agrees.word == "bad"
    desk.view.on_report(Report(unacknowledged=("NSE:RELIANCE",)))
    desk.frame()
    assert positions._agrees.text() == "NSE:RELIANCE differed from the broker's books"
    desk.view.on_difference_seen("NSE:RELIANCE")
    desk.frame()
    assert "differ by" in positions._agrees.text()


def test_an_outside_lot_is_given_to_whom_the_menu_names(positions: Positions, desk: Any, asked: Any, qtbot: QtBot) -> None:
    desk.strategy(StrategyState.RUNNING)
    lot(desk, "external", 10)
    kept = asked(positions)
    positions.shown.choose("owned")
    positions.owned.menu_asked.emit(positions.owned.rows.record(0), QPoint(0, 0))
    menu = positions.findChildren(QMenu)[-1]
    assert [entry.text().partition("\t")[0] for entry in menu.actions()] == [
        "Give to hand: no order is sent", "Give to EMA: no order is sent", "Chart of RELIANCE",
    ]  # fmt: skip
    menu.actions()[1].trigger()
    qtbot.mouseClick(positions._compare, Qt.MouseButton.LeftButton)
    given = {"key": "NSE:RELIANCE", "product": Product.MIS, "from": "external", "to": "ema"}
    assert kept == [("lot.assign", given), ("books.show", None)]


def test_which_page_is_shown_is_remembered(positions: Positions, desk: Any, theme: Theme, shown: Any) -> None:
    positions.shown.choose("owners")
    again = shown(Positions(desk.view, theme))
    again.restore_state(positions.save_state())
    assert again.shown.value == "owners"

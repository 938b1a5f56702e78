from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from engine.core.model import OrderChange, OrderStatus, OrderType, Pending, Side, StrategyState
from widgets.base.theme import Theme
from widgets.panels.orders import STATUS, Orders, status_text


@pytest.fixture
def orders(desk: Any, theme: Theme, shown: Any) -> Orders:
    return shown(Orders(desk.view, theme))  # type: ignore[no-any-return]


def keys(orders: Orders) -> list[str]:
    return [line.key for line in orders.grid.rows.lines]


def cell(orders: Orders, row: int, column: str) -> str:
    rows = orders.grid.rows
    at = next(number for number, item in enumerate(rows.columns) if item.name == column)
    return str(rows.data(rows.index(row, at)))


def test_every_status_has_its_words() -> None:
    assert set(STATUS) == set(OrderStatus)


def test_open_orders_are_shown_newest_first_and_leave_when_done(orders: Orders, desk: Any) -> None:
    desk.order("1")
    desk.order("2", OrderStatus.INTENT)
    assert keys(orders) == ["2", "1"]
    desk.order("1", OrderStatus.FILLED, filled=10)
    assert keys(orders) == ["2"]
    orders.shown.choose("done")
    assert keys(orders) == ["1"]
    orders.shown.choose("all")
    assert keys(orders) == ["2", "1"]
    desk.frame()
    assert orders.shown._group.button(0).text() == "Open 1"


def test_an_order_nobody_is_sure_of_stays_with_the_open_ones_and_says_so(orders: Orders, desk: Any) -> None:
    desk.order("1", OrderStatus.UNKNOWN)
    assert keys(orders) == ["1"]
    assert cell(orders, 0, "status") == "UNKNOWN – not confirmed"


def test_what_was_asked_and_is_not_known_shows_with_the_status(desk: Any) -> None:
    assert status_text(desk.order(pending=Pending.CANCEL)) == "Open, cancelling"
    assert status_text(desk.order(pending=Pending.CANCEL_UNKNOWN)) == "Open, cancel not confirmed"
    assert status_text(desk.order(status=OrderStatus.FILLED, pending=Pending.CANCEL)) == "Filled"


def test_a_row_tells_quantity_price_and_why(orders: Orders, desk: Any) -> None:
    desk.order("1", OrderStatus.PARTIAL, filled=4, filled_value_units=4 * 14_790_000)
    desk.tick("RELIANCE", 1_481.0)
    assert cell(orders, 0, "quantity") == "4 / 10"
    assert cell(orders, 0, "price") == "1,480.00"
    assert cell(orders, 0, "average") == "1,479.00"
    assert cell(orders, 0, "last") == "1,481.00"
    desk.order("2", OrderStatus.TRIGGER, order_type=OrderType.SL_M, side=Side.SELL, trigger_price=1_470.0)
    assert cell(orders, 0, "price") == "Market"
    assert cell(orders, 0, "trigger") == "1,470.00"


def test_ticks_write_the_last_price_of_working_orders_only(orders: Orders, desk: Any) -> None:
    desk.order("1")
    desk.order("2", OrderStatus.FILLED)
    orders.shown.choose("all")
    desk.frame()
    orders.grid.on_frame()
    desk.tick("RELIANCE", 1_490.0)
    assert {line.key for line in orders.grid.rows.lines if line.is_dirty} == {"1"}


def test_del_cancels_the_focused_order_and_shift_del_those_of_its_symbol(orders: Orders, desk: Any, asked: Any, press: Any) -> None:
    desk.order("1")
    kept = asked(orders)
    orders.grid.focus_key("1")
    press(orders.grid, Qt.Key.Key_Delete)
    press(orders.grid, Qt.Key.Key_Delete, "", Qt.KeyboardModifier.ShiftModifier)
    assert kept == [("order.cancel", "1"), ("order.cancel_symbol", {"key": "NSE:RELIANCE"})]


def test_a_done_order_is_not_cancelled_again(orders: Orders, desk: Any, asked: Any, press: Any) -> None:
    desk.order("1", OrderStatus.FILLED)
    orders.shown.choose("all")
    orders.grid.focus_key("1")
    kept = asked(orders)
    press(orders.grid, Qt.Key.Key_Delete)
    assert kept == []
    assert not orders._cancel.isEnabled()
    assert not orders._modify.isEnabled()


def test_the_buttons_ask_for_what_they_say(orders: Orders, desk: Any, asked: Any, qtbot: QtBot) -> None:
    desk.order("1")
    desk.frame()
    orders.grid.focus_key("1")
    kept = asked(orders)
    qtbot.mouseClick(orders._cancel, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(orders._cancel_all, Qt.MouseButton.LeftButton)
    assert kept == [("order.cancel", "1"), ("order.cancel_all", None)]


def test_m_changes_the_order_with_ctrl_enter_and_never_with_enter(orders: Orders, desk: Any, asked: Any, press: Any, qtbot: QtBot) -> None:
    desk.order("1")
    orders.grid.focus_key("1")
    kept = asked(orders)
    press(orders.grid, Qt.Key.Key_M, "m")
    assert orders.amend.isVisible()
    orders.amend.price.setText("1481.00")
    qtbot.keyClick(orders.amend.price, Qt.Key.Key_Return)
    assert kept == []
    qtbot.keyClick(orders.amend.price, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert kept == [("order.modify", ("1", OrderChange(price=1_481.0)))]
    assert not orders.amend.isVisible()


def test_the_strip_refuses_what_the_exchange_would(orders: Orders, desk: Any, asked: Any) -> None:
    desk.order("1", OrderStatus.PARTIAL, filled=4)
    orders.grid.focus_key("1")
    orders.grid.double_clicked.emit(orders.grid.record)
    amend, kept = orders.amend, asked(orders)
    assert amend.fault == "Nothing is changed yet."
    amend.price.setText("1480.07")
    assert "on the grid of 0.10" in amend.fault
    amend.price.setText("1480.10")
    amend.quantity.setText("4")
    assert "above the 4 filled" in amend.fault
    amend.quantity.setText("1.5")
    assert amend.fault
    amend.send()
    assert kept == []
    amend.quantity.setText("20")
    amend.send()
    assert kept == [("order.modify", ("1", OrderChange(quantity=20, price=1_480.1)))]


def test_the_strip_closes_when_its_order_ends_and_by_escape(orders: Orders, desk: Any, qtbot: QtBot) -> None:
    desk.order("1", order_type=OrderType.SL, trigger_price=1_475.0)
    orders.grid.focus_key("1")
    orders._open_amend()
    assert orders.amend.trigger.isVisible()
    desk.order("1", OrderStatus.PARTIAL, filled=1)
    assert orders.amend.isVisible()
    desk.order("1", OrderStatus.FILLED, filled=10)
    assert not orders.amend.isVisible()
    assert orders.amend.change == OrderChange()
    assert orders.amend.fault == "No order is open."
    desk.order("2")
    orders.grid.focus_key("2")
    orders._open_amend()
    qtbot.keyClick(orders.amend, Qt.Key.Key_Escape)
    assert not orders.amend.isVisible()


def test_the_menu_offers_to_cancel_only_what_works(orders: Orders, desk: Any, asked: Any) -> None:
    kept = asked(orders)
    desk.order("1")
    orders.grid.focus_key("1")
    orders.grid.menu_asked.emit(orders.grid.record, QPoint(0, 0))
    menu = orders.findChild(QMenu)
    assert isinstance(menu, QMenu)
    titles = {entry.text().partition("\t")[0]: entry for entry in menu.actions()}
    desk.order("9")
    orders.grid.focus_key("9")
    titles["Cancel this order"].trigger()
    assert kept == [("order.cancel", "1")]
    titles["Change this order"].trigger()
    assert orders.amend.isVisible()


def test_another_session_starts_with_its_own_orders(orders: Orders, desk: Any) -> None:
    desk.order("1")
    desk.view.clear()
    assert keys(orders) == []


def test_an_order_from_outside_can_be_given_to_an_owner_here(orders: Orders, desk: Any, asked: Any) -> None:
    desk.strategy(StrategyState.RUNNING)
    desk.order("7", owner="external")
    kept = asked(orders)
    orders.grid.menu_asked.emit(orders.grid.rows.record(0), QPoint(0, 0))
    titles = {entry.text().partition("\t")[0]: entry for entry in orders.findChildren(QMenu)[-1].actions()}
    assert {"Give to hand", "Give to EMA"} <= set(titles)
    titles["Give to EMA"].trigger()
    assert kept == [("lot.assign_order", ("7", "ema"))]

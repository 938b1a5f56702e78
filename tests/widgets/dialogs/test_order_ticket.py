from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.core.model import OrderRequest, OrderType, Phase, Product, Side
from widgets.base.theme import Theme
from widgets.base.ticket_head import TicketHead
from widgets.dialogs.order_ticket import OrderTicket

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def ticket(desk: Any, theme: Theme, shown: Any) -> OrderTicket:
    desk.tick("RELIANCE", 1_480.0)
    desk.view.charges_of = lambda request: 12_300 * request.quantity
    return shown(OrderTicket(desk.view, theme, desk.reliance, 1))  # type: ignore[no-any-return]


def test_ctrl_enter_sends_what_stands_there_and_closes(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    kept = asked(ticket)
    ticket.quantity.setText("25")
    qtbot.keyClick(ticket.quantity, Qt.Key.Key_Return, CTRL)
    [(action, request)] = kept
    assert action == "order.submit"
    assert isinstance(request, OrderRequest)
    assert (request.side, request.quantity, request.order_type, request.product) == (Side.BUY, 25, OrderType.MARKET, Product.MIS)
    assert request.reference_price == 1_480.0
    assert request.instrument.symbol == "RELIANCE"
    assert not ticket.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_never_sends_from_any_field(ticket: OrderTicket, asked: Any, qtbot: QtBot, key: Qt.Key) -> None:
    kept = asked(ticket)
    for widget in (
        ticket,
        ticket.quantity,
        ticket.price,
        ticket.stop,
        ticket.keep_open,
        ticket.send_button,
        ticket.head.buttons[Side.SELL],
    ):
        qtbot.keyClick(widget, key)
    assert kept == []
    assert ticket.isVisible()
    assert not ticket.send_button.isDefault()
    assert not ticket.send_button.autoDefault()


def test_escape_closes_and_sends_nothing(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    kept = asked(ticket)
    qtbot.keyClick(ticket.quantity, Qt.Key.Key_Escape)
    assert not ticket.isVisible()
    assert kept == []


def test_a_held_ctrl_enter_sends_once(ticket: OrderTicket, asked: Any, press: Any) -> None:
    ticket.keep_open.setChecked(True)
    kept = asked(ticket)
    press(ticket, Qt.Key.Key_Return, "\r", CTRL)
    for _ in range(10):
        press(ticket, Qt.Key.Key_Return, "\r", CTRL, is_held=True)
    assert len(kept) == 1


def test_a_ticket_kept_open_locks_for_a_moment(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    ticket.keep_open.setChecked(True)
    kept = asked(ticket)
    qtbot.mouseClick(ticket.send_button, Qt.MouseButton.LeftButton)
    assert not ticket.send_button.isEnabled()
    ticket.send()
    assert len(kept) == 1
    ticket._lock.timeout.emit()
    assert ticket.send_button.isEnabled()
    ticket.send()
    assert len(kept) == 2


def test_the_instrument_never_changes_whatever_happens_elsewhere(ticket: OrderTicket, desk: Any, asked: Any) -> None:
    kept = asked(ticket)
    desk.tick("TCS", 3_000.0)
    desk.view.set_catalogue([desk.tcs])
    ticket.send()
    assert kept[0][1].instrument is desk.reliance


def test_without_a_side_it_asks_for_one(desk: Any, theme: Theme, shown: Any, asked: Any, qtbot: QtBot) -> None:
    desk.tick("RELIANCE", 1_480.0)
    ticket = shown(OrderTicket(desk.view, theme, desk.reliance, 0))
    kept = asked(ticket)
    assert ticket.remark.text() == "Choose Buy or Sell."
    ticket.send()
    assert kept == []
    qtbot.mouseClick(ticket.head.buttons[Side.SELL], Qt.MouseButton.LeftButton)
    assert ticket.send_button.text().startswith("SELL 1 RELIANCE at market")
    assert ticket.send_button.property("side") == "SELL"
    assert ticket.windowTitle() == "Sell RELIANCE"
    ticket.send()
    assert kept[0][1].side is Side.SELL


def test_the_side_is_told_by_place_word_and_colour(ticket: OrderTicket, theme: Theme) -> None:
    assert ticket.head.grab().toImage().pixelColor(2, 2) == theme.colour("buy_ground")
    assert ticket.head.buttons[Side.BUY].text() == "BUY"
    ticket.head.choose(Side.SELL)
    assert ticket.head.grab().toImage().pixelColor(2, 2) == theme.colour("sell_ground")
    assert ticket.head.buttons[Side.BUY].text() == "Buy"
    assert ticket.head.buttons[Side.BUY].x() < ticket.head.buttons[Side.SELL].x()


def test_a_limit_order_starts_at_the_last_price_and_steps_by_ticks(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    kept = asked(ticket)
    assert not ticket.price.isEnabled()
    ticket.order_type.choose(OrderType.LIMIT)
    assert ticket.price.text() == "1480.00"
    qtbot.keyClick(ticket.price, Qt.Key.Key_Down)
    assert ticket.price.text() == "1479.90"
    ticket.send()
    assert kept[0][1].price == 1_479.9


def test_a_fault_names_itself_marks_its_field_and_is_not_sent(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    kept = asked(ticket)
    ticket.order_type.choose(OrderType.LIMIT)
    ticket.price.setText("1480.07")
    assert "in steps of 0.10" in ticket.remark.text()
    assert ticket.price.property("wrong") is True
    assert not ticket.send_button.isEnabled()
    qtbot.keyClick(ticket.price, Qt.Key.Key_Return, CTRL)
    assert kept == []
    ticket.price.setText("1480.00")
    assert ticket.price.property("wrong") is False
    assert ticket.send_button.isEnabled()


def test_text_that_is_no_number_is_never_taken_for_none(ticket: OrderTicket, asked: Any) -> None:
    kept = asked(ticket)
    ticket.stop.setText("14x")
    ticket.send()
    assert kept == []
    assert ticket.stop.property("wrong") is True


def test_stop_and_target_travel_with_the_entry(ticket: OrderTicket, asked: Any) -> None:
    kept = asked(ticket)
    ticket.stop.setText("1470")
    ticket.target.setText("1500")
    ticket.send()
    assert (kept[0][1].stop, kept[0][1].target) == (1_470.0, 1_500.0)


def test_value_and_charges_follow_what_is_typed(ticket: OrderTicket, desk: Any) -> None:
    ticket.quantity.setText("100")
    assert ticket.value.text() == "₹ 1,48,000.00"
    assert ticket.charges.text() == "₹ 123.00"
    desk.tick("RELIANCE", 1_500.0)
    desk.frame()
    assert ticket.value.text() == "₹ 1,50,000.00"
    desk.view.charges_of = None
    ticket.refresh()
    assert ticket.charges.text() == "–"
    ticket.quantity.setText("")
    assert ticket.value.text() == "–"


def test_an_old_price_says_so_while_the_market_trades(ticket: OrderTicket, desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket._frames, "age_s", lambda slot: 4.0)
    ticket._ageing.timeout.emit()
    assert "OLD" not in ticket.head._age.text()
    desk.view.on_phase(Phase.CONTINUOUS, "")
    ticket._ageing.timeout.emit()
    assert "OLD, 4.0 s" in ticket.head._age.text()


def test_a_click_on_the_depth_takes_its_price(ticket: OrderTicket, desk: Any, qtbot: QtBot) -> None:
    row = ticket.levels._row
    at = QPoint(ticket.levels.width() - 20, 2 * row + row // 2)
    qtbot.mouseClick(ticket.levels, Qt.MouseButton.LeftButton, pos=at)
    assert ticket.order_type.value is OrderType.LIMIT
    assert ticket.price.text() == "1480.20", "the second ask"
    assert "Crosses the spread" in ticket.remark.text()
    ticket.order_type.choose(OrderType.SL_M)
    qtbot.mouseClick(ticket.levels, Qt.MouseButton.LeftButton, pos=QPoint(20, row + row // 2))
    assert ticket.trigger.text() == "1479.90"
    qtbot.mouseClick(ticket.levels, Qt.MouseButton.LeftButton, pos=QPoint(20, 2))
    assert ticket.trigger.text() == "1479.90", "the headings have no price"


def test_an_instrument_without_quotes_can_still_be_looked_at(desk: Any, theme: Theme, shown: Any) -> None:
    ticket = shown(OrderTicket(desk.view, theme, desk.future, Side.BUY))
    assert ticket.quantity.text() == "175"
    assert "No quote yet" in ticket.remark.text()
    assert not ticket.grab().isNull()


def test_ctrl_enter_is_kept_from_the_shortcuts_of_the_window(ticket: OrderTicket) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Return, CTRL)
    event.ignore()
    QApplication.sendEvent(ticket, event)
    assert event.isAccepted()


def test_a_closed_ticket_hears_no_more_and_is_gone(ticket: OrderTicket, desk: Any, theme: Theme, qtbot: QtBot) -> None:
    with qtbot.waitSignal(ticket.destroyed):
        ticket.reject()
    desk.tick("RELIANCE", 1_481.0)
    desk.frame()
    theme.switch("light")


def test_the_last_price_can_be_read_before_a_side_is_chosen(desk: Any, theme: Theme, shown: Any) -> None:
    desk.tick("RELIANCE", 1_480.0)
    quote = desk.view.board.quote(desk.view.board.slot("NSE:RELIANCE"))
    head = shown(TicketHead(theme, desk.reliance, None))
    head.show_quote(quote, 0.5, True, 2)
    assert head._last.word == "text"
    head.choose(Side.BUY)
    head.show_quote(quote, 0.5, True, 2)
    assert head._last.word == "on_side"


def test_an_unusual_order_is_asked_about_once_and_sent_confirmed(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    kept = asked(ticket)
    ticket.view.doubt_of = lambda request: "Expected an order like your others, was Rs 7,40,000." if request.quantity > 100 else ""
    ticket.quantity.setText("500")
    qtbot.keyClick(ticket.quantity, Qt.Key.Key_Return, CTRL)
    qtbot.keyClick(ticket.quantity, Qt.Key.Key_Return, CTRL)  # the same trembling hand
    assert kept == []
    assert ticket.remark.text() == "Expected an order like your others, was Rs 7,40,000."
    assert ticket.send_button.text().startswith("Confirm: BUY 500 RELIANCE")
    assert not ticket.send_button.isEnabled()
    ticket._unlock()
    qtbot.keyClick(ticket.quantity, Qt.Key.Key_Return, CTRL)
    [(_, request)] = kept
    assert (request.quantity, request.is_confirmed) == (500, True)


def test_another_order_than_the_one_asked_about_is_asked_about_again(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    kept = asked(ticket)
    ticket.view.doubt_of = lambda request: "unusual" if request.quantity > 100 else ""
    for quantity in ("500", "600"):
        ticket.quantity.setText(quantity)
        qtbot.keyClick(ticket.quantity, Qt.Key.Key_Return, CTRL)
        ticket._unlock()
        assert kept == []
    ticket.quantity.setText("50")
    assert "Confirm" not in ticket.send_button.text()
    qtbot.keyClick(ticket.quantity, Qt.Key.Key_Return, CTRL)
    [(_, request)] = kept
    assert (request.quantity, request.is_confirmed) == (50, False)


def test_what_it_opens_can_be_closed_by_time(ticket: OrderTicket, asked: Any, qtbot: QtBot) -> None:
    ticket.keep_open.setChecked(True)
    kept = asked(ticket)
    ticket.send()
    ticket._lock.timeout.emit()
    ticket.minutes.setText("15")
    ticket.send()
    assert [request.close_after_s for _, request in kept] == [0.0, 900.0]

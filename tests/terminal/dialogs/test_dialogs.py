from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.core.model import (
    Exchange,
    Instrument,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Position,
    Product,
    Side,
    StrategyState,
    StrategyStatus,
)
from engine.view import EngineView
from terminal.actions import bindings
from terminal.dialogs.hold_overlay import HoldOverlay, plan
from terminal.dialogs.key_sheet import KeySheet, sheet
from terminal.dialogs.leaving import CANCEL, LeavingDialog, still_open
from terminal.dialogs.palette import Palette, commands
from terminal.keymap import Keymap

TCS = Instrument(Exchange.NSE, "TCS", 2953217)


def busy_view() -> EngineView:
    view = EngineView()
    view.on_position(Position(TCS, Product.MIS, quantity=-15))
    view.on_position(Position(TCS, Product.CNC, quantity=0))
    view.on_order(Order("a", OrderRequest(TCS, Side.BUY, 10, OrderType.LIMIT), OrderStatus.OPEN, quantity=10, price=3000.0, filled=4))
    view.on_order(Order("b", OrderRequest(TCS, Side.BUY, 10), OrderStatus.FILLED, quantity=10))
    view.on_strategy(StrategyStatus("s", "EMA", "ema_crossover", "paper", StrategyState.RUNNING, ("NSE:TCS",)))
    view.on_strategy(StrategyStatus("t", "Old", "ema_crossover", "paper", StrategyState.STOPPED, ("NSE:TCS",)))
    return view


def test_the_palette_finds_by_any_words_and_enter_takes_the_marked(qtbot: QtBot) -> None:
    palette = Palette(commands(Keymap(bindings())), "Command")
    qtbot.addWidget(palette)
    asked: list[tuple[str, object]] = []
    palette.requested.connect(lambda name, payload: asked.append((name, payload)))
    palette.open()
    QTest.keyClicks(palette.line, "open cancel")
    assert palette.list.item(0).text() == "Cancel ALL open orders\tCtrl+Shift+X"
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert asked == [("order.cancel_all", None)]
    assert not palette.isVisible()


def test_the_palette_moves_by_arrows_and_says_when_nothing_fits(qtbot: QtBot) -> None:
    palette = Palette(commands(Keymap(bindings())), "Command")
    qtbot.addWidget(palette)
    palette.open()
    QTest.keyClick(palette.line, Qt.Key.Key_Down)
    QTest.keyClick(palette.line, Qt.Key.Key_Down)
    QTest.keyClick(palette.line, Qt.Key.Key_Up)
    assert palette.list.currentRow() == 1
    QTest.keyClicks(palette.line, "zzz")
    assert not palette.empty.isHidden()
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_the_palette_lists_only_what_can_be_done_without_a_row() -> None:
    names = {entry.action for entry in commands(Keymap(bindings()))("")}
    assert {"order.cancel_all", "account.kill", "view.orders", "app.settings"} <= names
    assert not names & {"order.cancel", "ticket.buy", "strategy.start", "chart.load"}


def test_the_key_sheet_is_written_from_the_keys_in_force(qtbot: QtBot) -> None:
    keymap = Keymap(bindings(), {"order.cancel_all": ["Ctrl+F12"], "app.about": []})
    text = sheet(keymap)
    assert "Ctrl+F12" in text
    assert "Ctrl+Shift+X" not in text
    assert "About" not in text
    assert "(hold it)" in text
    dialog = KeySheet(keymap)
    qtbot.addWidget(dialog)
    assert "KILL" in dialog.text.toPlainText()


def test_what_is_open_is_listed_before_leaving() -> None:
    assert still_open(busy_view()) == ["Position  TCS  −15  MIS", "Order  TCS  buy 6  LIMIT 3,000.00", "Strategy  EMA  running"]
    assert still_open(EngineView()) == []


def test_leaving_is_chosen_by_a_click_and_enter_stays(qtbot: QtBot) -> None:
    dialog = LeavingDialog(["Position"])
    qtbot.addWidget(dialog)
    chosen: list[str] = []
    dialog.chosen.connect(chosen.append)
    dialog.open()
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert chosen == []
    assert not dialog.isVisible()
    dialog.open()
    dialog.buttons[CANCEL].click()
    assert chosen == [CANCEL]


def test_the_overlay_says_what_will_be_done_and_goes_when_let_go(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 600)
    window.show()
    overlay = HoldOverlay(busy_view(), window)
    overlay.show_progress("account.flatten", 0.5)
    assert overlay.isVisible()
    assert overlay.text.text() == "Cancels 1 order, closes TCS −15."
    assert overlay.bar.value() == 50
    overlay.show_progress("account.flatten", -1.0)
    assert not overlay.isVisible()
    overlay.show_progress("account.kill", 0.1)
    assert "KILL" in overlay.title.text()
    overlay.show_progress("account.kill", 1.0)
    assert not overlay.isVisible()


def test_the_plan_has_the_numbers_of_the_moment() -> None:
    assert plan(EngineView(), "account.flatten") == "No orders to cancel, no positions to close."
    assert plan(busy_view(), "account.kill").startswith("Cancels 1 order, stops every strategy")

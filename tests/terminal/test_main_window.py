from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from engine.core.model import Exchange, Instrument, Order, OrderRequest, OrderStatus, OrderType, Position, Product, Side
from engine.view import EngineView
from terminal.actions import Actions, bindings
from terminal.backtests import Backtests
from terminal.connection import Connection
from terminal.keymap import Keymap
from terminal.main_window import MainWindow
from terminal.settings import Settings
from widgets.base.panel import PANELS
from widgets.base.theme import Theme
from widgets.dialogs.order_ticket import OrderTicket

NAMES = ("RELIANCE", "TCS", "INFY")
SHARES = [Instrument(Exchange.NSE, name, number, name.title()) for number, name in enumerate(NAMES, 100)]
CTRL, SHIFT, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


class Door:
    """Keeps what was asked, and does what asks only for the window."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.inner: Actions | None = None

    def run(self, name: str, payload: Any = None) -> Any:
        self.asked.append((name, payload))
        if self.inner is not None and name.partition(".")[0] in ("ticket", "view", "app", "layout", "chart") and name != "chart.load":
            return self.inner.run(name, payload)
        return None

    def orders(self) -> list[Any]:
        return [payload for name, payload in self.asked if name == "order.submit"]

    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


class Scene:
    """A window over a view that was filled by hand."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.view, self.settings, self.door = EngineView(), Settings.load(folder), Door()
        self.connection = Connection(self.settings, folder)
        self.backtests = Backtests(folder)
        self.notices: list[tuple[str, str]] = []
        self.view.notice_given.connect(lambda level, text: self.notices.append((level, text)))
        self.theme = Theme.load("dark")
        self.window = MainWindow(  # type: ignore[arg-type]
            self.view, self.settings, self.door, Keymap(bindings()), self.theme, self.connection, self.backtests
        )
        self.door.inner = Actions(self, None)  # type: ignore[arg-type]

    @property
    def engine(self) -> Any:
        return None

    def show(self) -> None:
        self.window.show()
        self.qtbot.waitExposed(self.window)
        self.window.activateWindow()
        for share in SHARES:
            slot = self.view.board.add(share)
            self.view.board.last_price[slot] = 1_000.0 + slot
        self.view.set_catalogue(SHARES)
        self.view.on_ticks(np.arange(len(SHARES)), 1)
        QApplication.processEvents()

    @property
    def watch(self) -> QWidget:
        grid: QWidget = self.window.panels["market_watch"].grid  # type: ignore[attr-defined]
        return grid

    def focus_row(self, row: int) -> None:
        grid: Any = self.watch
        grid.setFocus()
        grid.setCurrentIndex(grid.model().index(row, 0))

    def tickets(self) -> list[OrderTicket]:
        return [ticket for ticket in self.window.findChildren(OrderTicket) if ticket.isVisible()]

    def dialogs(self) -> list[QDialog]:
        return [dialog for dialog in self.window.findChildren(QDialog) if dialog.isVisible()]


@pytest.fixture
def scene(qtbot: QtBot, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(qtbot, tmp_path)
    yield made
    for dialog in made.dialogs():
        dialog.reject()
    made.window.shut()
    made.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_first_frame_comes_before_what_is_heavy(scene: Scene, qtbot: QtBot) -> None:
    with qtbot.waitSignal(scene.window.painted):
        scene.window.show()
    late = {name for name, info in PANELS.items() if info.is_late}
    assert "chart" in late
    assert set(scene.window.panels) == {name for name, _ in PANELS.items()} - late
    scene.window.make_late_panels()
    scene.window.make_late_panels()
    assert set(scene.window.panels) == {name for name, _ in PANELS.items()}


@pytest.mark.parametrize(
    ("key", "side"), [(Qt.Key.Key_B, Side.BUY), (Qt.Key.Key_S, Side.SELL), (Qt.Key.Key_F1, Side.BUY), (Qt.Key.Key_F2, Side.SELL)]
)
def test_a_key_on_a_row_opens_a_ticket_and_only_ctrl_enter_sends(scene: Scene, key: Qt.Key, side: Side) -> None:
    scene.show()
    scene.focus_row(1)
    QTest.keyClick(scene.watch, key)
    (ticket,) = scene.tickets()
    assert (ticket.instrument, ticket.head.side) == (SHARES[1], side)
    scene.focus_row(2)
    assert ticket.instrument == SHARES[1]
    for name in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
        QTest.keyClick(ticket, name)
    assert scene.door.orders() == []
    QTest.keyClick(ticket, Qt.Key.Key_Return, CTRL)
    (order,) = scene.door.orders()
    assert (order.instrument, order.side, order.quantity) == (SHARES[1], side, 1)
    assert scene.tickets() == []


def test_escape_closes_a_ticket_and_trades_nothing(scene: Scene) -> None:
    scene.show()
    scene.focus_row(0)
    QTest.keyClick(scene.watch, Qt.Key.Key_B)
    QTest.keyClick(scene.tickets()[0], Qt.Key.Key_Escape)
    assert scene.tickets() == []
    assert scene.door.orders() == []


def test_letters_typed_into_the_finder_open_nothing(scene: Scene) -> None:
    scene.show()
    scene.window.show_dialog("search")
    finder: Any = scene.window.panels["market_watch"].finder  # type: ignore[attr-defined]
    assert finder.hasFocus()
    QTest.keyClicks(finder, "bs1 ")
    QTest.keyClick(finder, Qt.Key.Key_Delete)
    assert finder.text() == "bs1 "
    assert scene.tickets() == []
    assert not {"order.cancel", "ticket.buy", "ticket.sell"} & set(scene.door.names())


def test_del_cancels_the_selected_order_and_the_chord_cancels_all(scene: Scene) -> None:
    scene.show()
    request = OrderRequest(SHARES[0], Side.BUY, 5, OrderType.LIMIT, price=990.0)
    scene.view.on_order(Order("order-1", request, OrderStatus.OPEN, quantity=5, price=990.0))
    scene.window.show_panel("orders")
    QApplication.processEvents()
    grid: Any = scene.window.panels["orders"].grid  # type: ignore[attr-defined]
    grid.setCurrentIndex(grid.model().index(0, 0))
    QTest.keyClick(grid, Qt.Key.Key_Delete)
    assert ("order.cancel", "order-1") in scene.door.asked
    QTest.keyClick(grid, Qt.Key.Key_X, CTRL | SHIFT)
    assert scene.door.asked[-1] == ("order.cancel_all", None)


@pytest.mark.parametrize(
    ("key", "name"), [(Qt.Key.Key_F3, "orders"), (Qt.Key.Key_F8, "trades"), (Qt.Key.Key_F4, "positions"), (Qt.Key.Key_F6, "market_watch")]
)
def test_a_function_key_brings_its_panel_to_the_front(scene: Scene, key: Qt.Key, name: str) -> None:
    scene.show()
    scene.window.show_panel("log")
    QTest.keyClick(scene.window, key)
    assert scene.window.panels[name].isVisible()
    focused = QApplication.focusWidget()
    assert focused is not None
    assert scene.window.panels[name].isAncestorOf(focused)


def test_kill_is_held_and_shows_what_it_will_do(scene: Scene, qtbot: QtBot) -> None:
    scene.show()
    scene.window.shortcuts.hold.hold_ms = 120
    QTest.keyPress(scene.watch, Qt.Key.Key_K, CTRL | SHIFT)
    assert scene.window.overlay.isVisible()
    qtbot.waitUntil(lambda: ("account.kill", None) in scene.door.asked)
    QTest.keyRelease(scene.watch, Qt.Key.Key_K, CTRL | SHIFT)
    assert not scene.window.overlay.isVisible()


@pytest.mark.parametrize("name", ["settings", "palette", "keys", "strategy", "about"])
def test_each_dialog_opens_once_without_blocking(scene: Scene, name: str) -> None:
    scene.show()
    scene.window.show_dialog(name)
    scene.window.show_dialog(name)
    assert len(scene.dialogs()) == 1
    scene.dialogs()[0].reject()
    QApplication.processEvents()
    scene.window.show_dialog(name)
    assert len(scene.dialogs()) == 1


def test_a_ticket_needs_a_row_that_is_known(scene: Scene) -> None:
    scene.window.show()
    assert scene.door.inner is not None
    scene.door.inner.run("ticket.open", None)
    assert scene.notices == [("warning", "Expected a focused row to trade, was none; click a symbol in the market watch first.")]
    scene.show()
    scene.focus_row(2)
    scene.door.inner.run("ticket.open", None)
    assert scene.tickets()[0].instrument == SHARES[2]


def test_settings_act_at_once(scene: Scene) -> None:
    scene.show()
    scene.window.apply_settings({"theme": "light", "font_size": 12, "lock_layout": True, "hold_ms": 500, "capital": 5.0})
    assert scene.theme.name == "light"
    assert QApplication.font().pointSize() == 12
    assert scene.window.shortcuts.hold.hold_ms == 500
    scene.window.bind(Keymap(bindings(), {"ticket.buy": ["F7"], "view.chart": []}))
    scene.focus_row(0)
    QTest.keyClick(scene.watch, Qt.Key.Key_F7)
    assert len(scene.tickets()) == 1


def test_the_window_comes_back_as_it_was_left(scene: Scene, qtbot: QtBot, tmp_path: Path) -> None:
    scene.show()
    scene.window.open_chart(SHARES[1].key)
    scene.window.show_panel("positions")
    scene.window.save(tmp_path)
    other = Scene(qtbot, tmp_path)
    other.window.restore(tmp_path)
    other.show()
    assert other.window.panels["positions"].isVisible()
    assert not other.window.panels["orders"].isVisible()
    other.window.make_late_panels()
    assert other.window.panels["chart"].save_state() == scene.window.panels["chart"].save_state()
    assert scene.window.panels["chart"].save_state()["key"] == SHARES[1].key
    other.window.shut()
    other.window.deleteLater()


def test_full_screen_reset_and_lock_are_a_word_each(scene: Scene) -> None:
    scene.show()
    scene.window.change_layout("full_screen")
    assert scene.window.isFullScreen()
    scene.window.change_layout("full_screen")
    assert not scene.window.isFullScreen()
    scene.window.change_layout("reset")
    scene.window.change_layout("lock")
    assert scene.window.panels["orders"].isVisible()


def test_closing_asks_what_becomes_of_what_is_open(scene: Scene) -> None:
    scene.show()
    left: list[str] = []
    scene.window.leaving.connect(left.append)
    scene.view.on_position(Position(SHARES[0], Product.MIS, quantity=10, last_price_units=10_000_000))
    scene.window.ask_to_close()
    assert left == []
    assert scene.window.isVisible()
    (dialog,) = scene.dialogs()
    dialog.reject()
    QApplication.processEvents()
    assert scene.window.isVisible()
    scene.window.close()
    scene.dialogs()[0].buttons["flatten"].click()  # type: ignore[attr-defined]
    assert left == ["flatten"]


def test_closing_with_nothing_open_asks_nothing(scene: Scene) -> None:
    scene.show()
    left: list[str] = []
    scene.window.leaving.connect(left.append)
    scene.window.close()
    scene.window.leave("cancel")
    assert left == ["leave"]
    assert scene.dialogs() == []


def test_the_chart_is_made_when_it_is_asked_for(scene: Scene) -> None:
    scene.show()
    scene.focus_row(1)
    QTest.keyClick(scene.watch, Qt.Key.Key_Return)
    assert ("chart.load", (SHARES[1].key, 60)) in scene.door.asked

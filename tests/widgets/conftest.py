"""A desk for the widgets: a view filled by hand, as the engine would, and a record of everything that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from engine.core.model import (
    Exchange,
    Fill,
    Instrument,
    InstrumentKind,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Position,
    Product,
    Purpose,
    Side,
    StrategyState,
    StrategyStatus,
)
from engine.core.records import BAR, Rows
from engine.view import EngineView
from widgets.base.frames import Frames
from widgets.base.theme import Theme

OPEN_NS = 1_762_141_500_000_000_000
"""3 Nov 2025, 09:15 in India."""

MINUTE_NS = 60_000_000_000


class Desk:
    """A view with a few instruments, and ways to let things happen in it."""

    def __init__(self) -> None:
        self.view = EngineView()
        self.reliance = Instrument(Exchange.NSE, "RELIANCE", 1, "Reliance Industries", tick_size=Decimal("0.10"))
        self.tcs = Instrument(Exchange.NSE, "TCS", 2, "Tata Consultancy Services", tick_size=Decimal("0.10"))
        self.nifty = Instrument(Exchange.NSE, "NIFTY 50", 3, "Nifty 50", InstrumentKind.INDEX)
        self.future = Instrument(Exchange.NFO, "TCS25NOVFUT", 4, "TCS", InstrumentKind.FUTURE, lot_size=175, freeze_quantity=17_500)
        self.view.set_catalogue([self.reliance, self.tcs, self.nifty, self.future])
        self.slots = {item.symbol: self.view.board.add(item) for item in (self.reliance, self.tcs)}
        self.view.instruments_changed.emit()

    def tick(self, symbol: str, last: float, close: float = 0.0, spread: float = 0.2) -> None:
        slot, board = self.slots[symbol], self.view.board
        board.last_price[slot] = last
        board.close[slot] = close or board.close[slot] or last
        board.low[slot] = min(board.low[slot] or last, last)
        board.high[slot] = max(board.high[slot], last)
        board.bid[slot], board.ask[slot] = last - spread / 2, last + spread / 2
        for level in range(5):
            board.depth_price[slot, :, level] = last - spread / 2 - 0.1 * level, last + spread / 2 + 0.1 * level
            board.depth_quantity[slot, :, level] = 100
        board.volume[slot] += 10
        self.view.on_ticks(np.array([slot]), OPEN_NS)

    def frame(self) -> None:
        Frames.of(self.view).flush()

    def order(self, order_id: str = "1", status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> Order:
        given = {name: changes.pop(name) for name in ("side", "order_type", "owner", "purpose", "instrument") if name in changes}
        request = replace(
            OrderRequest(self.reliance, Side.BUY, 10, OrderType.LIMIT, price=1_480.0),
            **given,  # type: ignore[arg-type]
        )
        made = replace(Order(order_id, request, status, quantity=10, price=1_480.0, created_ns=OPEN_NS), **changes)
        self.view.on_order(made)
        return made

    def fill(self, trade_id: str = "7", side: Side = Side.BUY, price: float = 1_480.0, time_ns: int = OPEN_NS) -> Fill:
        made = Fill(trade_id, "1", self.reliance, side, 10, round(price * 10_000), 12_300, time_ns, Product.MIS, "ema", Purpose.ENTRY)
        self.view.on_fill(made)
        return made

    def position(self, quantity: int = 10, average: float = 1_480.0, realised: int = 0, charges: int = 0) -> Position:
        made = Position(
            self.reliance,
            Product.MIS,
            quantity=quantity,
            cost_units=round(average * 10_000) * quantity,
            realised_units=realised,
            charges_units=charges,
            last_price_units=round(average * 10_000),
        )
        self.view.on_position(made)
        return made

    def strategy(self, state: StrategyState, strategy_id: str = "ema", **changes: Any) -> StrategyStatus:
        made = StrategyStatus(strategy_id, strategy_id.upper(), "ema_crossover", "paper", state, ("NSE:RELIANCE",), **changes)
        self.view.on_strategy(made)
        return made


@pytest.fixture
def desk(qapp: QApplication) -> Desk:
    return Desk()


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme.load("dark")


@pytest.fixture
def shown(qtbot: QtBot) -> Iterator[Callable[[Any], Any]]:
    """Show a widget in a window of its own and give it the focus; it is closed and deleted after the test."""
    kept: list[QWidget] = []

    def show(widget: QWidget) -> QWidget:
        kept.append(widget)
        widget.resize(900, 400)
        widget.show()
        widget.activateWindow()
        qtbot.waitExposed(widget)
        return widget

    yield show
    for widget in kept:
        if isValid(widget):
            widget.close()
            widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def asked() -> Callable[[Any], list[tuple[str, Any]]]:
    """Keep what a widget asks for."""

    def keep(widget: Any) -> list[tuple[str, Any]]:
        kept: list[tuple[str, Any]] = []
        widget.requested.connect(lambda action, payload: kept.append((action, payload)))
        return kept

    return keep


@pytest.fixture
def press() -> Callable[..., None]:
    """Press a real key on a widget, held down or not."""

    def send(
        widget: QWidget,
        key: Qt.Key,
        text: str = "",
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        *,
        is_held: bool = False,
    ) -> None:
        QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text, is_held))
        QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyRelease, key, modifiers, text, is_held))

    return send


@pytest.fixture
def minutes() -> Callable[..., Rows]:
    """Make minute bars from the open on: a gentle wave."""

    def make(count: int, first: int = 0, slot: int = 0) -> Rows:
        rows = np.zeros(count, dtype=BAR)
        at = np.arange(first, first + count)
        rows["time_ns"] = OPEN_NS + at * MINUTE_NS
        rows["session_minute"] = at
        rows["instrument"] = slot
        rows["open"] = 1_480 + np.round(np.sin(at / 5) * 5, 1)
        rows["close"] = 1_480 + np.round(np.sin((at + 1) / 5) * 5, 1)
        rows["high"] = np.maximum(rows["open"], rows["close"]) + 1
        rows["low"] = np.minimum(rows["open"], rows["close"]) - 1
        rows["volume"] = 100 + at
        return rows

    return make

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from engine.core.model import Product, Purpose, Side, Trade
from widgets.base.theme import Theme
from widgets.panels.trades import Trades


@pytest.fixture
def trades(desk: Any, theme: Theme, shown: Any) -> Trades:
    return shown(Trades(desk.view, theme))  # type: ignore[no-any-return]


def round_trip(desk: Any, pnl_rupees: int, quantity: int = 10) -> Trade:
    entry = 10 * 14_800_000
    side = 1 if quantity > 0 else -1
    return Trade(
        desk.reliance, "ema", Product.MIS, quantity, 1_762_141_500_000_000_000, 1_762_141_620_000_000_000, entry,
        entry + side * pnl_rupees * 10_000, pnl_rupees * 10_000, 20_000, Purpose.TARGET,
    )  # fmt: skip


def cells(grid: Any, row: int) -> dict[str, str]:
    return {column.name: grid.rows.data(grid.rows.index(row, at)) for at, column in enumerate(grid.rows.columns)}


def test_fills_come_newest_first_with_value_and_charges(trades: Trades, desk: Any) -> None:
    desk.fill("1", Side.BUY, 1_480.0)
    desk.fill("2", Side.SELL, 1_485.5)
    first = cells(trades.fills, 0)
    assert first["side"] == "SELL"
    assert first["price"] == "1,485.50"
    assert first["value"] == "14,855.00"
    assert first["charges"] == "1.23"
    assert first["trade_id"] == "2"
    desk.frame()
    assert trades._sum_label.text() == "2 fills   turnover 29,655   charges 2.46"


def test_round_trips_are_summed_after_charges(trades: Trades, desk: Any) -> None:
    desk.view.on_trade(round_trip(desk, 50))
    desk.view.on_trade(round_trip(desk, -20, quantity=-10))
    trades.shown.choose("trades")
    assert trades._sum_label.text() == "2 round trips   1 won   net +26.00"
    newest = cells(trades.trades, 0)
    assert newest["side"] == "Short"
    assert newest["exit_price"] == "1,482.00"
    assert newest["net"] == "−22.00"
    assert newest["reason"] == "target"
    assert newest["held"] == "2 min"


def test_keys_act_on_the_table_that_is_shown(trades: Trades, desk: Any, asked: Any, press: Any) -> None:
    kept = asked(trades)
    assert trades.verbs()["chart.open"]() is None
    desk.fill()
    trades.fills.setCurrentIndex(trades.fills.rows.index(0, 0))
    press(trades.fills, Qt.Key.Key_B, "b")
    press(trades.fills, Qt.Key.Key_C, "c")
    assert kept == [("ticket.buy", {"key": "NSE:RELIANCE"}), ("chart.open", "NSE:RELIANCE")]
    trades.fills.double_clicked.emit(trades.fills.record)
    desk.view.on_trade(round_trip(desk, 1))
    trades.shown.choose("trades")
    trades.trades.double_clicked.emit(trades.trades.rows.record(0))
    assert kept[2:] == [("chart.open", "NSE:RELIANCE")] * 2


def test_what_was_there_before_is_shown_and_another_session_begins_empty(desk: Any, theme: Theme, shown: Any) -> None:
    desk.fill()
    desk.view.on_trade(round_trip(desk, 5))
    late = shown(Trades(desk.view, theme))
    assert len(late.fills.rows.lines) == len(late.trades.rows.lines) == 1
    desk.view.clear()
    assert late._sum_label.text() == "0 fills   turnover –   charges 0.00"

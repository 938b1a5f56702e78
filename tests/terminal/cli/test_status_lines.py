from __future__ import annotations

import io

import numpy as np

from engine.core.model import (
    Account,
    Exchange,
    Fill,
    Instrument,
    LogLine,
    Order,
    OrderRequest,
    OrderStatus,
    Position,
    Product,
    Purpose,
    Side,
    StrategyState,
    StrategyStatus,
)
from engine.view import EngineView
from terminal.cli.status_lines import ConsoleStatus, lines_of

TCS = Instrument(Exchange.NSE, "TCS", 2953217)
FILL = Fill("t1", "o1", TCS, Side.BUY, 1_500, 30_000_000, 12_300, 1_757_390_400_000_000_000, Product.MIS, "ema", Purpose.ENTRY)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def filled_view() -> EngineView:
    view = EngineView()
    view.broker_name, view.phase_text = "simulated", "continuous, closes in 1:00:00"
    view.board.last_price[view.board.add(TCS)] = 3_001.5
    view.on_ticks(np.array([0]), 1_757_390_400_000_000_000)
    view.on_strategy(StrategyStatus("s", "EMA", "ema_crossover", "paper", StrategyState.RUNNING, ("NSE:TCS",), orders=2, fills=1))
    view.on_position(Position(TCS, Product.MIS, quantity=1_500, cost_units=1_500 * 30_000_000, last_price_units=30_015_000))
    view.on_account(Account(10**10, 10**10, 10**10 + 50_000, 10**10, 10**10, 0, 0, 0))
    return view


def test_the_status_says_what_the_window_would() -> None:
    text = "\n".join(lines_of(filled_view()))
    for part in (
        "PAPER  simulated  continuous",
        "TCS 3,001.50",
        "EMA (running)  2 orders, 1 fill",
        "TCS 1,500 MIS  +2,250.00",
        "+5.00 after",
    ):
        assert part in text
    assert "waiting for the first" in "\n".join(lines_of(EngineView()))


def test_on_a_terminal_the_status_is_written_over() -> None:
    screen = Screen()
    status = ConsoleStatus(filled_view(), screen)
    status.refresh()
    height = screen.getvalue().count("\n")
    status.refresh()
    assert f"\x1b[{height}A\x1b[0J" in screen.getvalue()


def test_what_happens_is_a_line_each() -> None:
    pipe = io.StringIO()
    view = filled_view()
    status = ConsoleStatus(view, pipe)
    view.on_fill(FILL)
    view.on_order(Order("o2", OrderRequest(TCS, Side.BUY, 1), OrderStatus.DENIED, message="too big"))
    view.on_order(Order("o3", OrderRequest(TCS, Side.BUY, 1), OrderStatus.OPEN))
    view.notify("warning", "Feed is slow.")
    view.on_log(LogLine(0, "info", "x", "unseen"))
    view.on_log(LogLine(0, "error", "x", "seen"))
    status.refresh()
    assert pipe.getvalue().splitlines() == [
        "09:30:00  BUY 1,500 TCS at 3,000.00  charges 1.23  ema",
        "order TCS denied: too big",
        "warning: Feed is slow.",
        "error: seen",
    ]


def test_in_a_pipe_the_status_is_told_once_a_minute() -> None:
    pipe = io.StringIO()
    status = ConsoleStatus(filled_view(), pipe)
    status.refresh()
    assert pipe.getvalue() == ""
    status._told -= 61.0
    status.refresh()
    status.refresh()
    assert pipe.getvalue().count("\n") == 1

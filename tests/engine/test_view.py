"""The read model keeps the latest of everything and says when it changes."""

from __future__ import annotations

import numpy as np

from engine.core.model import (
    Account,
    Exchange,
    Fill,
    Instrument,
    LinkState,
    LogLine,
    Order,
    OrderRequest,
    OrderStatus,
    Phase,
    Position,
    Product,
    Purpose,
    RiskStatus,
    Side,
    StrategyState,
    StrategyStatus,
    Trade,
    TradingState,
)
from engine.core.records import BAR
from engine.view import EngineView, QuoteBoard

INFY = Instrument(Exchange.NSE, "INFY", 408065, "INFOSYS")
TCS = Instrument(Exchange.NSE, "TCS", 2953217, "TATA CONSULTANCY")
ACCOUNT = Account(1, 1, 1, 1, 1, 0, 0, 0)


def hear(view: EngineView, *names: str) -> list[tuple[object, ...]]:
    heard: list[tuple[object, ...]] = []
    for name in names:
        getattr(view, name).connect(lambda *args, name=name: heard.append((name, *args)))
    return heard


def test_the_board_grows_and_keeps_what_it_holds() -> None:
    board = QuoteBoard(capacity=1)
    assert board.add(INFY) == 0
    board.last_price[0], board.depth_price[0, 0, 0], board.depth_quantity[0, 0, 0] = 1500.0, 1499.95, 40
    assert board.add(TCS) == 1
    assert board.add(INFY) == 0
    assert len(board) == 2
    assert len(board.last_price) == len(board.forming) == 2
    quote = board.quote(0)
    assert (quote.last_price, quote.bids, quote.asks) == (1500.0, ((1499.95, 40),), ())
    assert board.slot("NSE:TCS") == 1
    assert board.slot("NSE:NONE") is None


def test_the_latest_record_is_kept_and_repeated() -> None:
    view = EngineView()
    heard = hear(
        view,
        "order_changed",
        "order_filled",
        "trade_closed",
        "position_changed",
        "account_changed",
        "risk_changed",
        "strategy_changed",
        "log_added",
    )
    order = Order("A", OrderRequest(INFY, Side.BUY, 1), OrderStatus.OPEN, quantity=1)
    fill = Fill("1", "A", INFY, Side.BUY, 1, 1, 0, 0, Product.MIS, "hand", Purpose.ENTRY)
    trade = Trade(INFY, "hand", Product.MIS, 1, 0, 1, 1, 2, 1, 0, Purpose.EXIT)
    position = Position(INFY, Product.MIS, quantity=1)
    risk = RiskStatus(TradingState.ACTIVE, "", ACCOUNT)
    strategy = StrategyStatus("s1", "EMA", "ema_crossover", "paper", StrategyState.RUNNING, ("INFY",))
    line = LogLine(0, "INFO", "engine", "up")
    view.on_order(order)
    view.on_fill(fill)
    view.on_trade(trade)
    view.on_position(position)
    view.on_account(ACCOUNT)
    view.on_risk(risk)
    view.on_strategy(strategy)
    view.on_log(line)
    assert [args[1] for args in heard] == [order, fill, trade, position, ACCOUNT, risk, strategy, line]
    assert view.working_orders() == [order]
    assert view.positions["NSE:INFY", Product.MIS] is position
    assert (view.fills, view.trades, list(view.log)) == ([fill], [trade], [line])


def test_feed_and_market_are_repeated() -> None:
    view = EngineView()
    heard = hear(
        view, "ticks_received", "bars_closed", "history_loaded", "link_changed", "phase_changed", "notice_given", "instruments_changed"
    )
    slots, bars = np.array([0]), np.zeros(1, BAR)
    view.set_catalogue([INFY, TCS])
    view.on_ticks(slots, 7)
    view.on_bars(60, bars)
    view.on_history("NSE:INFY", 60, bars)
    view.on_link(LinkState.LIVE, "")
    view.on_phase(Phase.CONTINUOUS, "continuous")
    view.notify("info", "Started.")
    assert [name for name, *_ in heard] == [
        "instruments_changed",
        "ticks_received",
        "bars_closed",
        "history_loaded",
        "link_changed",
        "phase_changed",
        "notice_given",
    ]
    assert (view.now_ns, view.link, view.phase) == (7, LinkState.LIVE, Phase.CONTINUOUS)


def test_instruments_are_found_by_how_they_begin_first() -> None:
    view = EngineView()
    view.set_catalogue([TCS, INFY])
    assert view.find("in") == [INFY]
    assert view.find("tata") == [TCS]
    assert view.find("t") == [TCS]
    assert view.find("s") == [TCS, INFY]


def test_last_price_is_zero_until_one_came() -> None:
    view = EngineView()
    assert view.last_price("NSE:INFY") == 0.0
    view.board.last_price[view.board.add(INFY)] = 5.0
    assert view.last_price("NSE:INFY") == 5.0


def test_a_removed_strategy_and_a_new_session_are_forgotten() -> None:
    view = EngineView()
    heard = hear(view, "strategy_removed", "cleared")
    view.on_strategy(StrategyStatus("s1", "EMA", "ema_crossover", "paper", StrategyState.STOPPED, ()))
    view.on_strategy_removed("s1")
    view.on_strategy_removed("s1")
    view.on_account(ACCOUNT)
    view.clear()
    assert heard == [("strategy_removed", "s1"), ("cleared",)]
    assert (view.account, view.fills, view.orders) == (None, [], {})

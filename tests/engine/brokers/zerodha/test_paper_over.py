"""Paper over the broker of real money: its quotes and history, and never one order of ours at its door."""

from __future__ import annotations

from typing import Any

from engine.brokers.paper import PaperBroker
from engine.core.model import OrderStatus, Product
from engine.executor.executor import StrategyExecutor
from engine.session import TradingSession
from tests.engine.brokers.zerodha.live import make_broker
from tests.engine.brokers.zerodha.trading import CAPITAL, Floor
from tests.engine.fakes import FakeStore
from tests.kite_exchange.process import RunningExchange


class PaperFloor(Floor):
    """A session on paper."""

    def __init__(self, exchange: RunningExchange) -> None:
        self.exchange, self.broker, self.store = exchange, make_broker(exchange), FakeStore()
        paper = PaperBroker(self.broker, wall=self.broker.clock)
        self.session = TradingSession(paper, self.store, limits={}, capital_units=CAPITAL, account="paper")


def test_orders_on_paper_fill_at_real_quotes_and_never_reach_the_broker(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        floor = PaperFloor(exchange)
        await floor.session.open()
        try:
            infy = floor.broker._catalogue.get("NSE:INFY")
            await floor.session.subscribe([infy])
            assert exchange.control("wait_for", sockets=1, tokens=1)
            exchange.control("set_price", symbol="NSE:INFY", price=1502.0)
            await floor.until(lambda: floor.session.board.quote(0).last_price == 1502.0)
            bought = await floor.sees(floor.submit(1, 10), OrderStatus.FILLED)
            assert abs(bought.average_price - 1502.0) < 1.0
            assert floor.session.mode == "paper"
            assert floor.session.position(infy, Product.MIS).quantity == 10
            assert floor.posts() == []
            assert exchange.control("orders") == []
        finally:
            await floor.session.close()

    loop_run(scenario())


def test_a_strategy_in_paper_mode_listens_to_the_live_broker(loop_run: Any, exchange: RunningExchange) -> None:
    config = {
        "name": "EMA", "strategy_type": "ema_crossover", "symbols": ["INFY"],
        "parameters": {"fast_ema": 2, "slow_ema": 5, "scan_interval": 1},
    }  # fmt: skip

    def script() -> None:
        executor = StrategyExecutor(
            broker=make_broker(exchange), strategy_config=config, risk_config={"capital": 100_000, "max_position_size": 10.0}, mode="paper"
        )
        executor.start()
        try:
            assert exchange.control("wait_for", sockets=1, tokens=1)
            summary = executor.get_summary()
            assert (summary["mode"], summary["state"], summary["symbols"]) == ("paper", "RUNNING", ["NSE:INFY"])
        finally:
            executor.stop()

    script()
    assert exchange.control("calls", path="/orders/", method="POST") == []

"""A running strategy sizes within the limits that hold now, and by Kelly as soon as its own trades tell."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.core.model import Order, OrderStatus
from engine.executor.config import parse_strategy
from engine.executor.leg import Leg, Seen, Wish
from engine.executor.orders import StrategyOrders
from tests.engine.fakes import RELIANCE, FakeStore, a_fill
from tests.engine.sessions import CAPITAL, SessionBench

NAN = math.nan


class Stage:
    """One strategy of RELIANCE in a session."""

    def __init__(self, bench: SessionBench, sizing: str, **risk: float) -> None:
        self.bench = bench
        config = {"name": "s", "strategy_type": "callback", "symbols": ["RELIANCE"], "sizing": sizing}
        self.config = parse_strategy(config, {"capital": CAPITAL / 10_000, **risk})
        bench.session.positions.set_capital(CAPITAL, self.config.id)
        self.leg = Leg(self.config, RELIANCE, bench.session.board.add(RELIANCE))
        self.orders = StrategyOrders(bench.session, self.config)

    def wants(self, target: float) -> Order | None:
        bar = Seen(self.bench.broker.clock.now_ns(), 1, self.leg.slot, 100.0, 100.0, 100.0, 100.0, 10.0, 0.0)
        return self.orders.act(self.leg, Wish(target, NAN, NAN, NAN, NAN), bar, may_open=True)

    def closed(self, *nets: int) -> None:
        """Let it have closed trades that came to so many rupees each."""
        for net in nets:
            for side, price in ((1, 1_000.0), (-1, 1_000.0 + net)):
                self.bench.session.positions.on_fill(a_fill(side, 1, price, owner=self.config.id))


def test_a_size_by_risk_is_cut_down_to_the_limits_that_hold_now(loop_run: Any) -> None:
    async def run() -> None:
        bench = await SessionBench({"max_order_value": 30_000.0}).open()
        stage = Stage(bench, "risk", max_position_size=50.0, max_order_quantity=400)
        first = stage.wants(1.0)
        assert first is not None
        assert (first.quantity, first.status) == (300, OrderStatus.INTENT)
        await bench.settle()
        bench.session.risk.set_limits({"max_order_value": 10_000.0})
        stage.orders._fit(stage.leg)
        assert (stage.leg.sizing.most, stage.leg.sizing.most_units) == (400, 10_000 * 10_000)
        bench.session.risk.set_limits({"max_order_quantity": 50.0})
        stage.orders._fit(stage.leg)
        assert (stage.leg.sizing.most, stage.leg.sizing.most_units) == (50, 0), "the tighter of the account's and its own"
        await bench.session.close()

    loop_run(run())


def test_real_money_leaves_room_for_the_worst_price(loop_run: Any) -> None:
    async def run() -> None:
        bench = await SessionBench({"max_order_value": 10_200.0}, is_live=True).open()
        stage = Stage(bench, "risk", max_position_size=50.0)
        stage.orders._fit(stage.leg)
        assert stage.leg.sizing.most_units == 10_000 * 10_000
        await bench.session.close()

    loop_run(run())


def test_kelly_is_told_when_it_begins_and_when_there_is_no_edge(loop_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        bench = await SessionBench().open()
        stage, told = Stage(bench, "kelly:0.5", max_position_size=50.0), []
        monkeypatch.setattr(bench.session.life, "tell", lambda text, level="info": told.append(text))
        stage.orders._fit(stage.leg)
        stage.orders._fit(stage.leg)
        assert math.isnan(stage.leg.sizing.bet_pct)
        stage.closed(*[10] * 18, *[-10] * 12)
        order = stage.wants(1.0)
        assert order is not None
        assert order.quantity == 1_000, "a half of 20 percent of Rs 10 lakh"
        await bench.settle()
        stage.closed(*[-10] * 20)
        stage.orders._fit(stage.leg)
        assert stage.leg.sizing.bet_pct == 0.0
        assert told == [
            "s: Expected 30 closed trades to bet by, was 0; sized by risk until then.",
            "s: 10.0 % of equity a position, by 30 closed trades.",
            "s: Expected an edge in 50 closed trades to bet on, was none; nothing is opened.",
        ]
        await bench.session.close()

    loop_run(run())


def test_trades_of_before_a_restart_count(loop_run: Any) -> None:
    async def run() -> None:
        store = FakeStore()
        store.remembered["fills"] = [
            a_fill(side, 1, price, owner="s", trade_id=f"{trip}{side}", order_id=f"{trip}{side}")
            for trip in range(30)
            for side, price in ((1, 100.0), (-1, 101.0))
        ]
        bench = await SessionBench(store=store).open()
        assert (bench.session.positions.tally("s").wins, bench.session.positions.tally("other").trades) == (30, 0)
        bench.session.positions.rebuild(store.remembered["fills"][:20])
        assert bench.session.positions.tally("s").wins == 10
        await bench.session.close()

    loop_run(run())

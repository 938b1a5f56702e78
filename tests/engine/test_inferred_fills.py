"""What the broker counts without telling it is booked once, at its average, and gives way to the true trades, to the rupee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.model import BrokerFill, Fill, OrderUpdate, Product, Verdict
from engine.inferred_fills import infer, is_inferred, replaced_by, settled, without_news
from engine.order_manager import OrderManager
from engine.tariffs import Tariff
from engine.tasks import Tasks
from tests.engine.fakes import OPEN_NS, RELIANCE, FakeBroker, FakeStore, a_fill, request
from tests.engine.sessions import S, SessionBench
from tests.engine.test_guard import session_test

Run = Callable[[Any], Any]


def told(bench: SessionBench, order: Any, filled: int, average: float, *trades: tuple[str, int, float]) -> OrderUpdate:
    status = S.FILLED if filled == order.quantity else S.PARTIAL
    return bench.broker.update(bench.now(order), status, *trades, filled=filled, average_price=average, is_snapshot=True)


@session_test(marks=True)
async def test_a_gap_is_booked_at_the_average_and_the_true_trades_take_its_place(bench: SessionBench) -> None:
    order = bench.submit(price=101.0)
    await bench.settle()
    bench.session.on_order_update(told(bench, order, 10, 100.0, ("t1", 4, 99.4)))
    assert bench.session.position(RELIANCE).quantity == 4
    (made,) = bench.session.orders.infer(told(bench, order, 10, 100.0, ("t1", 4, 99.4)))
    assert (made.quantity, made.price, is_inferred(made.trade_id)) == (6, 100.4, True)
    assert bench.session.orders.infer(told(bench, order, 10, 100.0)) == [], "the same gap is filled once"
    assert bench.session.position(RELIANCE).quantity == 10
    assert bench.now(order).average_price == pytest.approx(100.0)
    bench.session.on_order_update(told(bench, order, 10, 100.0, ("t1", 4, 99.4), ("t2", 2, 100.0)))
    assert bench.session.position(RELIANCE).quantity == 10, "as long as some are missing the entry stands for all"
    bench.session.on_order_update(told(bench, order, 10, 100.0, ("t1", 4, 99.4), ("t2", 2, 100.0), ("t3", 4, 100.6)))
    assert [(fill.trade_id, fill.quantity) for fill in bench.session.orders.trades] == [("t1", 4), ("t2", 2), ("t3", 4)]
    position = bench.session.position(RELIANCE)
    assert (position.quantity, position.average_price) == (10, pytest.approx(100.0))
    assert bench.now(order).average_price == pytest.approx(100.0)
    assert "REPLACED" in bench.store.kinds()


def update(*fills: tuple[str, int], filled: int = 0) -> OrderUpdate:
    return OrderUpdate("B1", "P", None, filled, tuple(BrokerFill(name, quantity, 100.0, OPEN_NS) for name, quantity in fills))


def test_true_trades_replace_all_inferred_ones_or_none() -> None:
    known = {"t1": 4, "inferred-10-6": 6}
    assert replaced_by(update(("t1", 4), ("t2", 5)), known) == ()
    assert replaced_by(update(("t1", 4), ("t2", 6)), known) == ["inferred-10-6"]
    assert without_news(update(("t1", 4), ("t2", 5)), known).fills == update(("t1", 4)).fills


def test_after_a_restart_true_trades_count_where_both_are_remembered() -> None:
    fills = [a_fill(1, 6, 100.4, trade_id="inferred-10-6"), a_fill(1, 4, 99.4, trade_id="t1")]
    assert settled(fills) == fills
    assert [fill.trade_id for fill in settled([*fills, a_fill(1, 6, 100.4, trade_id="t2")])] == ["t1", "t2"]


@session_test(marks=True)
async def test_without_an_average_the_price_is_the_best_guess(bench: SessionBench) -> None:
    order = bench.submit(price=101.0)
    await bench.settle()
    bench.session.on_order_update(told(bench, order, 4, 0.0))
    made = infer(bench.now(order), told(bench, order, 4, 0.0), 0)
    assert made is not None
    assert (made.quantity, made.price) == (4, 101.0)
    assert infer(bench.now(order), told(bench, order, 4, 0.0), 4) is None


def test_charges_are_those_of_the_true_trades(loop_run: Run) -> None:
    def charged(*updates: Any) -> tuple[int, list[str]]:
        broker, fills = FakeBroker(), []

        async def main() -> list[Fill]:
            tasks = Tasks()
            manager = OrderManager(tasks, FakeStore(), broker.clock, rates_of=Tariff.load("zerodha").rates)  # type: ignore[arg-type]
            order = manager.create(request(quantity=10), Verdict(True))
            manager.send(order, broker)
            await tasks.settle()
            for one in updates:
                one(manager, broker, order)
            return manager.trades

        fills = loop_run(main())
        return sum(fill.charges_units for fill in fills), [fill.trade_id for fill in fills]

    def all_told(manager: Any, broker: Any, order: Any) -> None:
        manager.on_update(broker.update(order, S.FILLED, ("t1", 4, 99.4), ("t2", 6, 100.4), filled=10))

    def counted(manager: Any, broker: Any, order: Any) -> None:
        only = broker.update(order, S.FILLED, ("t1", 4, 99.4), filled=10, average_price=100.0)
        manager.on_update(only)
        manager.infer(only)

    assert charged(counted, all_told) == charged(all_told)


def test_an_update_of_nobodys_order_is_not_inferred(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench().open()
        assert bench.session.orders.infer(update(filled=5)) == []
        assert bench.session.positions.quantity(RELIANCE.key, Product.MIS) == 0
        await bench.close()

    loop_run(main())

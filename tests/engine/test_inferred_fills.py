"""What the broker counts without telling it is booked once, at its average, and gives way to the true trades, to the rupee."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.core.model import BrokerFill, Fill, Order, OrderUpdate, Product, Verdict
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


def test_a_trade_told_twice_in_one_update_replaces_nothing_twice() -> None:
    known = {"t1": 4, "inferred-10-6": 6}
    assert replaced_by(update(("t2", 3), ("t2", 3)), known) == ()
    assert not replaced_by(update(("t2", 3)), {"t1": 4}), "nothing was inferred"


def test_two_inferred_executions_give_way_together_once_the_later_is_told() -> None:
    known = {"inferred-4-4": 4, "inferred-10-6": 6}
    assert replaced_by(update(("t1", 4)), known) == ()
    assert replaced_by(update(("t1", 4), ("t2", 6)), known) == ["inferred-4-4", "inferred-10-6"]


def gap(average: float, traded: int = 4, **order: Any) -> tuple[str, int, float, int] | None:
    """Return what is made for an order of 10 that has filled, of which `traded` were told at Rs 99.40."""
    known = Order("P", request(quantity=10), S.FILLED, quantity=10, filled=10, filled_value_units=traded * 994_000)
    said = OrderUpdate("B1", "P", None, 10, (), average_price=average, time_ns=OPEN_NS)
    made = infer(replace(known, **order), said, traded)
    return (made.trade_id, made.quantity, made.price, made.time_ns) if made else None


def test_a_missing_execution_brings_the_order_to_the_broker_s_average() -> None:
    assert gap(100.0) == ("inferred-10-6", 6, 100.4, OPEN_NS)
    assert gap(100.0, traded=7) == ("inferred-10-3", 3, 101.4, OPEN_NS)
    assert gap(100.0001, traded=7) == ("inferred-10-3", 3, 101.4003, OPEN_NS)
    assert gap(100.0, traded=3) == ("inferred-10-7", 7, 100.2571, OPEN_NS), "prices go to four places"
    assert gap(0.01, traded=0) == ("inferred-10-10", 10, 0.01, OPEN_NS)


def test_a_missing_execution_is_worth_what_the_told_ones_are_where_no_average_helps() -> None:
    assert gap(0.0) == ("inferred-10-6", 6, 99.4, OPEN_NS)
    assert gap(39.76) == ("inferred-10-6", 6, 99.4, OPEN_NS), "the average leaves nothing for the rest"
    assert gap(39.0) == ("inferred-10-6", 6, 99.4, OPEN_NS)


def test_a_missing_execution_without_any_told_is_worth_limit_then_reference_then_nothing() -> None:
    bare = request(quantity=10, reference_price=None)
    assert gap(0.0, 0, price=101.0) == ("inferred-10-10", 10, 101.0, OPEN_NS)
    assert gap(0.0, 0) == ("inferred-10-10", 10, 100.0, OPEN_NS)
    assert gap(0.0, 0, request=bare) == ("inferred-10-10", 10, 0.0, OPEN_NS)


def test_nothing_is_made_where_nothing_is_missing() -> None:
    assert gap(100.0, traded=9) == ("inferred-10-1", 1, 105.4, OPEN_NS)
    assert gap(100.0, traded=10) is None
    assert gap(100.0, traded=12) is None


def test_trades_of_another_order_settle_nothing() -> None:
    made = a_fill(1, 6, 100.4, trade_id="inferred-10-6", order_id="mine")
    others = [a_fill(1, 10, 99.4, trade_id="t1", order_id="another")]
    mine = [a_fill(1, quantity, 99.4, trade_id=f"m{quantity}", order_id="mine") for quantity in (4, 5)]
    assert settled([made, *others, *mine]) == [made, *others, *mine], "nine of ten are told"
    last = a_fill(1, 1, 99.4, trade_id="m1", order_id="mine")
    assert settled(iter([made, *others, *mine, last])) == [*others, *mine, last]
    assert settled([made]) == [made]


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

"""How often the order list is read, what of it is told, and what a message alone may say."""

from __future__ import annotations

from typing import Any

import pytest

from engine.brokers.zerodha.limiter import Limiter
from engine.brokers.zerodha.order_watch import EVERY_NS, NUDGED_NS, TRIES, OrderWatch
from engine.core.errors import ConnectionLost
from engine.core.model import Instrument, OrderStatus, OrderUpdate, Pending
from tests.engine.brokers.zerodha.clocks import JumpingClock
from tests.engine.brokers.zerodha.rows import INFY, TAG, order_row, trade_row

S = OrderStatus


class Rest:
    """Has the lists that the test gives it."""

    def __init__(self, clock: JumpingClock) -> None:
        self.limiter = Limiter(clock)
        self.orders: list[dict[str, Any]] = []
        self.trades: list[list[dict[str, Any]]] = [[]]
        self.asked: list[str] = []
        self.fails = False

    async def read(self, call: Any, method: str) -> Any:
        self.asked.append(method)
        if self.fails:
            raise ConnectionLost("gone")
        if method == "orders":
            return self.orders
        return self.trades.pop(0) if len(self.trades) > 1 else self.trades[0]


class Bench:
    """A watch, its REST side, and what it told."""

    def __init__(self) -> None:
        self.clock = JumpingClock(10**12)
        self.rest = Rest(self.clock)
        self.told: list[OrderUpdate] = []
        self.watch = OrderWatch(self.rest, self.clock, self.instrument_of, self.told.append)  # type: ignore[arg-type]

    def instrument_of(self, row: Any) -> Instrument:
        return INFY

    def is_due_after(self, span_ns: int) -> bool:
        """Tell whether the list is due that long from now, and not a moment before."""
        self.clock.set(self.clock.now_ns() + span_ns - 1)
        early = self.watch.is_due
        self.clock.set(self.clock.now_ns() + 1)
        return self.watch.is_due and not early


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_is_read_at_once_then_seldom_while_nothing_works(loop_run: Any, bench: Bench) -> None:
    assert bench.watch.is_due
    loop_run(bench.watch.look())
    assert bench.is_due_after(EVERY_NS["idle"])
    assert bench.rest.asked == ["orders"]


def test_it_is_read_often_while_orders_work(loop_run: Any, bench: Bench) -> None:
    bench.rest.orders = [order_row()]
    loop_run(bench.watch.look())
    assert bench.is_due_after(EVERY_NS["working"])
    bench.rest.orders = [order_row(status="CANCELLED")]
    loop_run(bench.watch.look())
    assert bench.is_due_after(EVERY_NS["idle"])


@pytest.mark.parametrize("why", ["deaf", "failed", "awaited"])
def test_it_is_read_oftener_while_no_message_can_be_relied_on(loop_run: Any, bench: Bench, why: str) -> None:
    loop_run(bench.watch.look())
    if why == "deaf":
        bench.watch.is_deaf = True
    elif why == "awaited":
        bench.watch.placed("1")
        loop_run(bench.watch.look())
    else:
        bench.rest.fails = True
        with pytest.raises(ConnectionLost):
            loop_run(bench.watch.look())
        bench.rest.fails = False
    assert bench.is_due_after(EVERY_NS["deaf"])
    bench.watch.is_deaf = False
    bench.rest.orders = [order_row(status="CANCELLED")]
    loop_run(bench.watch.look())
    assert bench.is_due_after(EVERY_NS["idle"])


def test_a_message_has_it_read_soon_but_not_all_the_time(loop_run: Any, bench: Bench) -> None:
    loop_run(bench.watch.look())
    bench.watch.on_message(order_row(status="CANCELLED"))
    assert bench.is_due_after(NUDGED_NS)
    loop_run(bench.watch.look())
    assert not bench.watch.is_due


def test_a_message_tells_what_is_no_fill_and_only_points_to_a_fill(bench: Bench) -> None:
    bench.watch.on_message(order_row(status="OPEN"))
    assert [(u.status, u.is_snapshot) for u in bench.told] == [(S.OPEN, False)]
    for row in (
        order_row(status="COMPLETE", filled_quantity=10),
        order_row(status="OPEN", tags=[TAG, "autoslice"]),
        order_row(exchange="NCO"),
        {"status": "OPEN"},
    ):
        bench.watch.on_message(row)
    assert len(bench.told) == 1


def test_what_was_told_is_not_told_again(loop_run: Any, bench: Bench) -> None:
    bench.rest.orders = [order_row(), order_row("2", "REJECTED", tag="x"), order_row("3", exchange="NCO")]
    for _ in range(2):
        loop_run(bench.watch.look())
    assert [u.broker_order_id for u in bench.told] == ["1", "2"]
    bench.rest.orders = [order_row(price=1510.0)]
    loop_run(bench.watch.look())
    assert bench.told[-1].price == 1510.0
    assert bench.rest.limiter.placed_today == 2


def test_what_a_comparison_reads_and_puts_aside_is_told_all_the_same(loop_run: Any, bench: Bench) -> None:
    loop_run(bench.watch.look())
    bench.rest.orders = [order_row()]
    bench.watch.on_message(order_row(status="COMPLETE", filled_quantity=10))
    assert [update.broker_order_id for update in loop_run(bench.watch.snapshots())] == ["1"]
    assert bench.told == []
    assert bench.is_due_after(NUDGED_NS), "the message is still to be looked after"
    loop_run(bench.watch.look())
    assert [update.broker_order_id for update in bench.told] == ["1"]


def test_a_trade_list_that_lags_is_read_again(loop_run: Any, bench: Bench) -> None:
    bench.rest.orders = [order_row(status="COMPLETE", filled_quantity=10)]
    bench.rest.trades = [[], [trade_row(quantity=4)], [trade_row(quantity=4), trade_row("t2", quantity=6)]]
    loop_run(bench.watch.look())
    assert [sum(f.quantity for f in u.fills) for u in bench.told] == [10]
    assert bench.rest.asked == ["orders", "trades", "trades", "trades"]


def test_one_that_never_catches_up_is_told_as_it_is(loop_run: Any, bench: Bench) -> None:
    bench.rest.orders = [order_row(status="COMPLETE", filled_quantity=10)]
    loop_run(bench.watch.look())
    assert [(u.filled, u.fills) for u in bench.told] == [(10, ())]
    assert bench.rest.asked.count("trades") == TRIES


def test_a_list_asked_for_before_a_change_was_answered_does_not_end_its_waiting(loop_run: Any, bench: Bench) -> None:
    bench.rest.orders = [order_row()]
    bench.watch.wrote("1")
    (update,) = loop_run(bench.watch.snapshots())
    assert update.pending is None
    bench.clock.advance(1)
    (update,) = loop_run(bench.watch.snapshots())
    assert update.pending is Pending.NONE


def test_all_that_an_order_became_is_found(loop_run: Any, bench: Bench) -> None:
    bench.rest.orders = [order_row("1"), order_row("2", tag=None, tags=["mktp", TAG]), order_row("3", tag="other")]
    loop_run(bench.watch.look())
    assert bench.watch.ids_of(TAG, "9") == ["1", "2", "9"]
    assert bench.watch.ids_of("", "3") == ["3"]

"""What is remembered, in a whole session: kept in its store, taken up at the next start, journaled, and shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.errors import InvalidOrder
from engine.core.model import LinkState, OrderChange, OrderStatus, Purpose, TradingState
from engine.store.rows import JournalEntry, Setting
from tests.engine.fakes import FakeStore
from tests.engine.sessions import SessionBench, turns

S = OrderStatus


def after_crash(bench: SessionBench, **options: Any) -> SessionBench:
    """Return a session over what the first one had written, its broker's market standing where it stood."""
    store = FakeStore()
    store.remembered["settings"] = bench.store.of(Setting)
    latest = {order.id: order for order in bench.session.orders.orders}
    store.remembered["orders"] = list(latest.values())
    store.remembered["fills"] = list(bench.session.orders.trades)
    store.remembered["sessions"] = []
    made = SessionBench(store=store, **options)
    made.broker.clock.set(bench.broker.clock.now_ns())
    return made


def test_a_halt_is_there_again_after_a_crash_and_a_resume_is_too(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        first = await SessionBench().open()
        first.session.risk.halt("enough", "failure")
        first.session.risk.stop_owner("bot", "broker_rejects", "the broker refused 3 of its orders within a minute; see why")
        again = await after_crash(first).open()
        assert (again.session.risk.state, again.session.risk.reason) == (TradingState.HALTED, "enough")
        assert again.submit().status is S.DENIED
        again.session.rearm("seen")
        assert again.submit().status is S.INTENT
        assert again.submit(owner="bot").message.startswith("bot is REDUCING: the broker refused 3")
        third = await after_crash(again).open()
        assert third.session.risk.state is TradingState.ACTIVE
        assert [r.owner for r in third.session.risk.status(third.session.account).restraints] == ["bot"]
        for bench in (first, again, third):
            await bench.settle()
            await bench.close()

    loop_run(play())


@pytest.mark.logs_warnings
def test_memory_that_cannot_be_read_lets_only_exits_pass(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        store = FakeStore()
        store.remembered["settings"] = [Setting("restraint paper", {"stops": 3})]
        bench = await SessionBench(store=store).open()
        assert bench.session.risk.state is TradingState.REDUCING
        assert "cannot be read" in bench.session.risk.reason
        await bench.close()

    loop_run(play())


def test_an_order_per_tick_is_stopped_and_stays_stopped(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench({"entries_without_exit": 5, "strategy_orders": 100}).open()
        bench.session.market_data.ticks_received.connect(lambda slots: bench.submit(1, 1, owner="bot"))
        for _ in range(40):
            bench.quote(100.0)
            await bench.settle()
        sent = [order for order in bench.session.orders.orders if order.status is not S.DENIED]
        assert len(sent) == 5
        assert bench.store.kinds().count("OWNER_STOPPED") == 1
        assert [text for level, text in bench.notices if text.startswith("bot opens nothing more")]
        bench.session.market_data.ticks_received.disconnect()
        await bench.close()

    loop_run(play())


def test_an_order_in_every_fill_is_stopped(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench({"entries_without_exit": 5}).open()
        bench.session.orders.order_filled.connect(lambda fill: bench.submit(1, 1, owner="bot"))
        bench.submit(1, 1, owner="bot")
        for _ in range(20):
            await bench.settle()
            for order in bench.working():
                bench.fill(order, 100.0)
        assert bench.session.positions.quantity("NSE:RELIANCE", bench.session.orders.orders[0].request.product, "bot") == 5
        assert bench.session.risk.holds_back("bot")
        await bench.close()

    loop_run(play())


def test_a_storm_of_cancels_and_new_orders_is_stopped_and_changes_are_too(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench({"entries_without_exit": 5, "message_rate": 8}).open()
        for round_ in range(30):
            order = bench.submit(1, 1, owner="bot", price=90.0 + round_)
            await bench.settle()
            if order.status is not S.DENIED:
                bench.session.cancel(order.id)
                await bench.settle()
            bench.broker.clock.advance(2)
        assert len(bench.broker.sent) == 5
        order = bench.submit(1, 1, owner="other", price=90.0)
        await bench.settle()
        for step in range(20):
            bench.session.modify(order.id, OrderChange(price=80.0 + step))
            await bench.settle()
            bench.broker.clock.advance(2)
        with pytest.raises(InvalidOrder, match="at most 20 changes"):
            bench.session.modify(order.id, OrderChange(price=70.0))
        await bench.close()

    loop_run(play())


def test_rejects_by_the_broker_stop_their_owner_and_one_told_twice_counts_once(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench({"broker_rejects": 3}, is_live=False).open()
        for number in range(3):
            order = bench.submit(1, 1, owner="bot", price=90.0 + number)
            await bench.settle()
            bench.says(order, S.REJECTED, message="Insufficient funds")
            bench.says(order, S.REJECTED, message="Insufficient funds")
            assert bool(bench.session.risk.holds_back("bot")) is (number == 2)
        denied = bench.submit(1, 1, owner="bot")
        assert denied.status is S.DENIED
        assert denied.message.startswith("Expected fewer than 3 rejects") or denied.message.startswith("bot is REDUCING")
        assert bench.submit(1, 1).status is S.INTENT
        await bench.settle()
        await bench.close()

    loop_run(play())


def test_stops_in_a_row_make_a_strategy_pause(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench({"loss_streak": 2}).open()
        for _ in range(2):
            await bench.entered(owner="bot", stop=95.0)
            bench.fill(bench.working(Purpose.STOP)[0], 95.0)
            await bench.settle()
        denied = bench.submit(1, 1, owner="bot")
        assert denied.message.startswith("Expected bot to pause after 2 losing stops in a row, was 60 min too early")
        bench.broker.clock.advance(3_600)
        bench.quote(100.0)
        assert bench.submit(1, 1, owner="bot").status is S.INTENT
        await bench.settle()
        await bench.close()

    loop_run(play())


def test_every_change_of_a_limit_is_in_the_journal_and_a_raised_one_holds_later(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench({"max_order_quantity": 10}).open()
        bench.session.risk.change_limits({"max_order_quantity": 20}, confirmed=True)
        bench.session.risk.change_limits({"max_order_quantity": 20, "max_positions": 2}, confirmed=True)
        assert bench.submit(1, 15).status is S.DENIED
        again = await after_crash(bench, limits={"max_order_quantity": 10, "max_positions": 2}).open()
        again.broker.clock.advance(15 * 60)
        again.quote(100.0)
        assert again.submit(1, 15).status is S.INTENT
        lines = [row for store in (bench.store, again.store) for row in store.rows if isinstance(row, JournalEntry)]
        changes = [row.payload for row in lines if row.kind == "LIMIT_CHANGE"]
        assert [(dict(c["now"]), dict(c["later"])) for c in changes] == [  # type: ignore[call-overload]
            ({}, {"max_order_quantity": [10, 20]}),
            ({"max_positions": [None, 2]}, {"max_order_quantity": [10, 20]}),
            ({"max_order_quantity": [10, 20]}, {}),
        ]
        for each in (bench, again):
            await each.settle()
            await each.close()

    loop_run(play())


@pytest.mark.logs_warnings
def test_a_line_that_is_down_stops_entries_at_once_and_is_told_again_after_a_minute(loop_run: Callable[..., Any]) -> None:
    async def play() -> None:
        bench = await SessionBench(is_live=True).open()
        bench.session.on_link(LinkState.CONNECTING, "no frame for 5 s")
        assert bench.session.risk.state is TradingState.REDUCING
        assert bench.submit().status is S.DENIED
        for seconds, told in ((59, 0), (1, 1), (120, 1)):
            await turns()
            bench.broker.clock.advance(seconds)
            await turns()
            assert sum("has not been heard for 60 s" in text for _, text in bench.notices) == told
        bench.session.on_link(LinkState.LIVE, "")
        await turns(50)
        assert bench.session.risk.state is TradingState.ACTIVE, "only once the books were compared"
        await bench.close()

    loop_run(play())

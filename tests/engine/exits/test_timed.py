"""Positions whose owner gave them a time are closed when it has come: once, whole, and after a restart too."""

from __future__ import annotations

from engine.calendar import Calendar
from engine.core.model import OrderStatus, Product, Purpose
from engine.exits.desk import TIMES
from engine.store.rows import Setting
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, FakeStore
from tests.engine.kill.kill_bench import KillBench, kill_test
from tests.engine.sessions import SessionBench

S = OrderStatus
BOOK = (RELIANCE.key, Product.MIS, "hand")


def at(bench: SessionBench, seconds: float) -> None:
    """Let it be so many seconds after the open."""
    bench.broker.clock.set(OPEN_NS + round(seconds * 1e9))
    bench.session.on_time(bench.broker.clock.now_ns())


@kill_test(marks=False)
async def test_it_is_closed_so_long_after_the_entry_filled(bench: KillBench) -> None:
    await bench.entered(close_after_s=60.0, stop=98.0)
    due_ns = bench.session.exits.timed.due_ns(BOOK)
    assert due_ns == bench.session.orders.trades[-1].time_ns + 60 * SECOND_NS
    at(bench, (due_ns - OPEN_NS) / 1e9 - 0.5)
    assert bench.working(Purpose.EXIT) == []
    at(bench, (due_ns - OPEN_NS) / 1e9)
    await bench.settle()
    (exit_,) = bench.working(Purpose.EXIT)
    assert exit_.request.signed_quantity == -10
    bench.fill(exit_, 99.0)
    await bench.settle()
    assert bench.working() == [], "its stop goes with it"
    assert bench.session.exits.timed.due_ns(BOOK) == 0


@kill_test(marks=False)
async def test_the_earliest_time_of_its_entries_holds(bench: KillBench) -> None:
    await bench.entered(close_at_ns=OPEN_NS + 300 * SECOND_NS)
    await bench.entered(close_at_ns=OPEN_NS + 200 * SECOND_NS, close_after_s=900.0)
    await bench.entered()
    assert bench.session.exits.timed.due_ns(BOOK) == OPEN_NS + 200 * SECOND_NS
    at(bench, 200)
    await bench.settle()
    assert [o.request.signed_quantity for o in bench.working(Purpose.EXIT)] == [-30]


@kill_test(marks=False)
async def test_what_came_to_nothing_is_tried_again(bench: KillBench) -> None:
    await bench.entered(close_after_s=60.0)
    at(bench, 100)
    await bench.settle()
    (exit_,) = bench.working(Purpose.EXIT)
    bench.says(exit_, S.CANCELLED)
    at(bench, 105)
    assert bench.working(Purpose.EXIT) == []
    at(bench, 111)
    await bench.settle()
    assert len(bench.working(Purpose.EXIT)) == 1


@kill_test(marks=False)
async def test_a_position_that_was_closed_before_leaves_no_time_behind(bench: KillBench) -> None:
    await bench.entered(close_after_s=60.0)
    await bench.entered(-1, 10)
    await bench.entered(1, 4)
    at(bench, 600)
    assert bench.working(Purpose.EXIT) == []


@kill_test(marks=False)
async def test_the_time_outlives_a_restart(bench: KillBench) -> None:
    entry = await bench.entered(close_after_s=60.0)
    (kept,) = [row for row in bench.store.rows if isinstance(row, Setting) and row.name == TIMES]
    store = FakeStore()
    fills = bench.session.orders.trades
    store.remembered = {"orders": [entry], "fills": fills, "settings": [kept]}
    again = KillBench(store=store)
    again.broker.listed = [bench.broker.update(entry, S.FILLED, filled=10, is_snapshot=True)]
    again.broker.truth = lambda: bench.session.positions.positions
    await again.open()
    assert again.session.exits.timed.due_ns(BOOK) == fills[-1].time_ns + 60 * SECOND_NS
    at(again, 120)
    await again.settle()
    assert [o.request.signed_quantity for o in again.working(Purpose.EXIT)] == [-10]
    await again.close()


@kill_test(marks=False)
async def test_the_time_counts_anew_once_the_position_was_turned(bench: KillBench) -> None:
    await bench.entered(close_after_s=60.0)
    bench.broker.clock.advance(30)
    await bench.entered(-1, 20, purpose=Purpose.REVERSAL, close_after_s=60.0)
    assert bench.session.exits.timed.due_ns(BOOK) == bench.session.orders.trades[-1].time_ns + 60 * SECOND_NS


@kill_test(marks=False)
async def test_a_strategy_leaves_once_and_takes_back_what_it_wished(bench: KillBench) -> None:
    await bench.entered(owner="bot", close_after_s=60.0, stop=98.0)
    bench.submit(1, 10, owner="bot", price=99.0)
    await bench.settle()
    at(bench, 100)
    at(bench, 111)
    await bench.settle()
    assert [(o.request.purpose, o.request.signed_quantity) for o in bench.working(Purpose.SQUARE_OFF, Purpose.ENTRY)] == [
        (Purpose.SQUARE_OFF, -10)
    ]
    assert len(bench.resting()) == 1, "protection stays until the exit has filled"


@kill_test(marks=False, calendar=Calendar.load())
async def test_what_is_due_while_the_market_is_closed_waits_for_it(bench: KillBench) -> None:
    await bench.entered(close_at_ns=OPEN_NS + 7 * 3_600 * SECOND_NS, product=Product.CNC)
    at(bench, 8 * 3_600)
    assert bench.working(Purpose.EXIT) == []
    at(bench, 24 * 3_600)
    await bench.settle()
    assert len(bench.working(Purpose.EXIT)) == 1

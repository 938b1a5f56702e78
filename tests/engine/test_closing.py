"""Positions are closed once, whole, and with what waits for them out of the way."""

from __future__ import annotations

from typing import Any

import pytest

from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.model import EXTERNAL, OrderStatus, Product, Purpose
from engine.position_tracker import PositionTracker
from engine.session_desk import SessionDesk
from engine.view import QuoteBoard
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, TCS, a_fill
from tests.engine.sessions import SessionBench, turns
from tests.engine.test_guard import session_test

S = OrderStatus
MINUTE_NS = 60 * SECOND_NS
SQUARE_OFF_NS = OPEN_NS + 365 * MINUTE_NS  # 15:20


def at(bench: SessionBench, time_ns: int) -> None:
    bench.broker.clock.set(time_ns)
    bench.session.on_time(time_ns)


@session_test()
async def test_flatten_closes_each_owner_s_position_at_market(bench: SessionBench) -> None:
    await bench.entered(owner="a", stop=98.0)
    await bench.entered(-1, 4, owner="b")
    orders = bench.session.flatten()
    assert [(o.request.owner, o.request.signed_quantity, o.request.purpose, o.status) for o in orders] == [
        ("a", -10, Purpose.EXIT, S.INTENT),
        ("b", 4, Purpose.EXIT, S.INTENT),
    ]
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)], "protection stays until the exit fills"
    for order in orders:
        bench.fill(order, 100.0)
    await bench.settle()
    assert bench.working() == []
    assert bench.session.positions.open_books() == []


@session_test()
async def test_flatten_of_one_owner_instrument_or_product_leaves_the_rest(bench: SessionBench) -> None:
    await bench.entered(owner="a")
    await bench.entered(owner="b")
    await bench.entered(owner="a", instrument=TCS, product=Product.CNC)
    assert [(o.request.owner, o.instrument) for o in bench.session.flatten("a", RELIANCE.key)] == [("a", RELIANCE)]
    assert [o.instrument for o in bench.session.flatten(product=Product.CNC)] == [TCS]
    await bench.settle()
    assert bench.session.flatten("nobody") == []


@pytest.mark.logs_warnings
@session_test()
async def test_flatten_closes_no_more_than_the_account_has(bench: SessionBench) -> None:
    await bench.entered(owner="a")
    held = 0
    for elsewhere, closed in ((-10, []), (-4, [("a", -6)]), (-14, [("external", 4)]), (5, [("a", -10), ("external", -5)])):
        change, held = elsewhere - held, elsewhere
        bench.session.positions.on_fill(a_fill(1 if change > 0 else -1, abs(change), 100.0, owner=EXTERNAL))
        orders = [order for order in bench.session.flatten() if order.status is not S.DENIED]
        assert [(order.request.owner, order.request.signed_quantity) for order in orders] == closed, elsewhere
        await bench.settle()
        for order in orders:
            bench.says(order, S.CANCELLED)


@session_test()
async def test_an_exit_that_waits_is_cancelled_before_everything_is_closed(bench: SessionBench) -> None:
    await bench.entered()
    waiting = bench.submit(-1, 10, price=110.0)
    await bench.settle()
    (exit_,) = bench.session.flatten()
    await bench.settle()
    assert bench.now(waiting).status is S.CANCELLED
    assert [o.id for o in bench.broker.sent][-1] == exit_.id
    assert bench.broker.cancels[-1].id == waiting.id


@session_test(is_live=True)
async def test_with_real_money_closing_waits_until_the_other_exit_is_certainly_gone(bench: SessionBench) -> None:
    await bench.entered()
    bench.broker.held = bench.session.positions.positions
    waiting = bench.submit(-1, 10, price=110.0)
    await bench.settle()
    assert bench.session.flatten() == []
    await bench.session.settle()
    assert bench.working(Purpose.EXIT)[0].id == waiting.id
    bench.says(waiting, S.CANCELLED)
    for _ in range(3):
        await turns()
        bench.broker.clock.advance(0.1)
    await turns()
    (exit_,) = bench.working(Purpose.EXIT)
    assert (exit_.request.order_type.value, exit_.remaining) == ("MARKET", 10)


@session_test(is_live=True, marks=True)
async def test_a_cancel_that_never_comes_does_not_close_twice(bench: SessionBench) -> None:
    await bench.entered()
    bench.submit(-1, 10, price=110.0)
    await bench.settle()
    bench.session.flatten()
    for _ in range(80):
        await turns()
        bench.broker.clock.advance(0.1)
    assert len(bench.working(Purpose.EXIT)) == 1
    assert any("was not closed" in text for _, text in bench.notices)


@session_test(calendar=Calendar.load(), marks=True)
async def test_intraday_positions_are_squared_off_at_their_time_and_once(bench: SessionBench) -> None:
    await bench.entered(owner="bot", stop=98.0)
    await bench.entered(owner="keeper", product=Product.CNC)
    waiting = bench.submit(1, 5, price=95.0)
    await bench.settle()
    at(bench, SQUARE_OFF_NS - 1)
    assert bench.working(Purpose.SQUARE_OFF) == []
    for later in (0, MINUTE_NS, 2 * MINUTE_NS):
        at(bench, SQUARE_OFF_NS + later)
        await bench.settle()
    (order,) = bench.working(Purpose.SQUARE_OFF)
    assert (order.request.owner, order.request.signed_quantity) == ("bot", -10)
    assert [text[:23] for _, text in bench.notices if "is still open 120 s after" in text] == ["+10 RELIANCE MIS of bot"]
    assert bench.now(waiting).status is S.CANCELLED
    late = bench.submit(1, 1)
    assert (late.status, "square-off" in late.message) == (S.DENIED, True)
    assert bench.submit(1, 1, product=Product.CNC).status is S.INTENT
    bench.fill(order, 99.0)
    await bench.settle()
    assert [book.owner for book in bench.session.positions.open_books()] == ["keeper"]
    assert bench.resting() == []


@session_test(calendar=Calendar.load())
async def test_what_a_hole_in_the_data_left_open_is_closed_the_next_morning(bench: SessionBench) -> None:
    await bench.entered(owner="bot")
    at(bench, OPEN_NS + 24 * 3_600 * SECOND_NS)
    await bench.settle()
    (order,) = bench.working(Purpose.SQUARE_OFF)
    bench.fill(order, 99.0)
    await bench.entered(owner="bot", reference_price=100.0)
    at(bench, SQUARE_OFF_NS + 24 * 3_600 * SECOND_NS)
    await bench.settle()
    assert len(bench.working(Purpose.SQUARE_OFF)) == 1, "a new day is squared off at its own time, too"


@pytest.mark.parametrize("state", ["before", "after"])
def test_a_square_off_that_was_sent_before_a_restart_is_not_sent_again(state: str, loop_run: Any) -> None:
    async def main() -> None:
        bench = await SessionBench(calendar=Calendar.load()).open()
        await bench.entered(owner="bot")
        at(bench, SQUARE_OFF_NS)
        await bench.settle()
        if state == "after":
            bench.session.closer.roll_day()  # nothing is remembered of what was squared off
        at(bench, SQUARE_OFF_NS + MINUTE_NS)
        await bench.settle()
        assert len([o for o in bench.session.orders.orders if o.request.purpose is Purpose.SQUARE_OFF]) == 1
        await bench.close()

    loop_run(main())


@session_test()
async def test_without_a_calendar_nothing_is_squared_off(bench: SessionBench) -> None:
    await bench.entered()
    at(bench, SQUARE_OFF_NS + MINUTE_NS)
    await bench.settle()
    assert bench.working() == []


@session_test(calendar=Calendar.load(), marks=True)
async def test_a_square_off_that_came_to_nothing_is_tried_again(bench: SessionBench) -> None:
    await bench.entered(owner="bot")
    at(bench, SQUARE_OFF_NS)
    await bench.settle()
    (first,) = bench.working(Purpose.SQUARE_OFF)
    bench.says(first, S.CANCELLED)
    at(bench, SQUARE_OFF_NS + 14 * SECOND_NS)
    assert bench.working(Purpose.SQUARE_OFF) == []
    at(bench, SQUARE_OFF_NS + 16 * SECOND_NS)
    await bench.settle()
    (second,) = bench.working(Purpose.SQUARE_OFF)
    bench.fill(second, 99.0)
    at(bench, SQUARE_OFF_NS + 200 * SECOND_NS)
    assert bench.session.positions.open_books() == []
    assert not any("still open" in text for _, text in bench.notices)


@session_test(calendar=Calendar.load())
async def test_on_a_market_that_is_played_again_it_is_one_order_a_day(bench: SessionBench) -> None:
    bench.session.closer.is_once = True
    await bench.entered(owner="bot")
    at(bench, SQUARE_OFF_NS)
    await bench.settle()
    (first,) = bench.working(Purpose.SQUARE_OFF)
    bench.says(first, S.CANCELLED)
    at(bench, SQUARE_OFF_NS + 60 * SECOND_NS)
    assert bench.working(Purpose.SQUARE_OFF) == []


@pytest.mark.parametrize(("early_min", "from_ns"), [(0, SQUARE_OFF_NS), (10, SQUARE_OFF_NS - 10 * MINUTE_NS)])
def test_the_square_off_comes_as_early_as_it_is_set(early_min: int, from_ns: int) -> None:
    clock = ManualClock(from_ns - 1)
    early_ns = early_min * MINUTE_NS
    desk = SessionDesk(PositionTracker(0), QuoteBoard(), clock, Calendar.load(), is_live=False, early_ns=early_ns)
    assert not desk.is_past_square_off(RELIANCE)
    clock.set(from_ns)
    assert desk.is_past_square_off(RELIANCE)


@session_test()
async def test_an_owner_that_leaves_daily_leaves_in_every_product_and_nobody_else_does(bench: SessionBench) -> None:
    closer = bench.session.closer
    closer.leave_daily("bot", 600)  # 10:00
    await bench.entered(owner="bot", product=Product.CNC)
    await bench.entered(owner="hand")
    waiting = bench.submit(1, 5, owner="bot", product=Product.NRML, price=90.0)
    await bench.settle()
    at(bench, OPEN_NS + 44 * MINUTE_NS)
    assert bench.working(Purpose.SQUARE_OFF) == []
    at(bench, OPEN_NS + 45 * MINUTE_NS)
    await bench.settle()
    (exit_,) = bench.working(Purpose.SQUARE_OFF)
    assert (exit_.request.owner, exit_.request.signed_quantity) == ("bot", -10)
    assert bench.now(waiting).status is S.CANCELLED
    assert closer.is_past(RELIANCE, Product.CNC, "bot")
    assert not closer.is_past(RELIANCE, Product.CNC, "hand")
    assert closer.leaves_ns("bot") == OPEN_NS + 45 * MINUTE_NS
    assert closer.leaves_ns("hand") == 0
    closer.leave_daily("bot", None)
    assert not closer.is_past(RELIANCE, Product.CNC, "bot")


@session_test()
async def test_what_was_to_be_left_yesterday_and_was_not_heard_of_is_left_at_once(bench: SessionBench) -> None:
    bench.session.closer.leave_daily("bot", 900)
    await bench.entered(owner="bot", product=Product.CNC)
    at(bench, OPEN_NS + 24 * 60 * MINUTE_NS)
    await bench.settle()
    assert len(bench.working(Purpose.SQUARE_OFF)) == 1

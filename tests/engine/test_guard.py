"""Positions are protected from their first fill to their last, and a stop that is hit closes them through the order manager."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.calendar import Calendar
from engine.core.errors import OrderRejected
from engine.core.model import OrderChange, OrderStatus, Product, Purpose
from engine.core.records import BAR
from tests.engine.fakes import RELIANCE, request
from tests.engine.sessions import SessionBench

S = OrderStatus
Run = Callable[[Any], Any]


def session_test(*, marks: bool = False, **options: Any) -> Callable[[Callable[[SessionBench], Awaitable[None]]], Callable[[Run], None]]:
    """Run a test with an open session, which is closed after it."""

    def wrap(test: Callable[[SessionBench], Awaitable[None]]) -> Callable[[Run], None]:
        def run(loop_run: Run) -> None:
            async def main() -> None:
                bench = await SessionBench(**options).open()
                try:
                    await test(bench)
                finally:
                    await bench.close()

            loop_run(main())

        run.__name__ = test.__name__
        return pytest.mark.logs_warnings(run) if marks else run

    return wrap


@session_test()
async def test_protection_rests_as_soon_as_the_entry_has_filled(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0, target=105.0)
    await bench.settle()
    assert bench.resting() == []
    bench.fill(order, 100.0)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10), ("target", -1, 105.0, 10)]
    assert len({o.request.group for o in bench.working()}) == 1


@session_test()
async def test_protection_grows_with_each_partial_fill(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.fill(order, 100.0, 4)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 4)]
    bench.fill(order, 100.5)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]
    assert len(bench.broker.sent) == 2, "changed, not placed twice"


@session_test()
async def test_fills_in_quick_succession_are_covered_once_the_stop_rests(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.fill(order, 100.0, 4)
    bench.fill(order, 100.0)
    assert bench.resting() == [("stop", -1, 98.0, 4)], "its place is not answered yet"
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]


@session_test()
async def test_a_stop_that_is_hit_cancels_the_target_and_the_other_way_round(bench: SessionBench) -> None:
    for hit, other in ((Purpose.STOP, Purpose.TARGET), (Purpose.TARGET, Purpose.STOP)):
        await bench.entered(stop=98.0, target=105.0)
        bench.fill(bench.working(hit)[0], 98.0)
        assert [o.pending.value for o in bench.working(other)] == ["cancel"]
        await bench.settle()
        assert bench.working() == []
        assert bench.session.position(RELIANCE, Product.MIS, "hand").quantity == 0
        assert bench.session.guard.plan(RELIANCE, Product.MIS, "hand") is None
    assert [trade.reason for trade in bench.view.trades] == [Purpose.STOP, Purpose.TARGET]


@session_test()
async def test_a_target_that_fills_in_part_takes_its_part_off_the_stop(bench: SessionBench) -> None:
    await bench.entered(stop=98.0, target=105.0)
    bench.fill(bench.working(Purpose.TARGET)[0], 105.0, 4)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 6), ("target", -1, 105.0, 6)]


@session_test()
async def test_an_exit_by_wish_takes_protection_away_and_a_part_of_it_makes_it_smaller(bench: SessionBench) -> None:
    await bench.entered(stop=98.0, target=105.0)
    part = bench.submit(-1, 3)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10), ("target", -1, 105.0, 10)], "until the exit fills"
    bench.fill(part, 101.0)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 7), ("target", -1, 105.0, 7)]
    rest = bench.submit(-1, 7)
    await bench.settle()
    bench.fill(rest, 101.0)
    await bench.settle()
    assert bench.working() == []


@session_test()
async def test_a_reversal_turns_protection_round(bench: SessionBench) -> None:
    await bench.entered(owner="bot", stop=98.0, target=105.0)
    turn = bench.submit(-1, 20, owner="bot", purpose=Purpose.REVERSAL, stop=103.0)
    await bench.settle()
    assert len(bench.resting()) == 2, "the old protection stays until the fill"
    bench.fill(turn, 100.0)
    await bench.settle()
    assert bench.resting() == [("stop", 1, 103.0, 10)]


@session_test()
async def test_a_second_entry_moves_the_stop_for_all_of_it(bench: SessionBench) -> None:
    await bench.entered(stop=98.0, target=105.0)
    await bench.entered(1, 5, 102.0, stop=100.0)
    assert bench.resting() == [("stop", -1, 100.0, 15), ("target", -1, 105.0, 15)]


@session_test()
async def test_owners_are_protected_apart(bench: SessionBench) -> None:
    await bench.entered(owner="a", stop=98.0)
    await bench.entered(-1, 10, owner="b", stop=102.0)
    assert bench.resting() == [("stop", -1, 98.0, 10), ("stop", 1, 102.0, 10)]


@session_test()
async def test_a_trailing_stop_follows_closed_bars_and_says_so(bench: SessionBench) -> None:
    import numpy as np

    await bench.entered(owner="bot", trail=2.0)
    assert bench.resting() == [("trail", -1, 98.0, 10)]
    bar = np.zeros(1, dtype=BAR)[0]
    bar.high, bar.low = 103.0, 99.0
    bench.session.trail(bar, RELIANCE, Product.MIS, "bot")
    await bench.settle()
    assert bench.resting() == [("trail", -1, 101.0, 10)]
    bar.high = 102.0
    bench.session.trail(bar, RELIANCE, Product.MIS, "bot")
    bench.session.trail(bar, RELIANCE, Product.MIS, "nobody")
    await bench.settle()
    assert len(bench.broker.changes) == 1


@session_test()
async def test_the_trader_s_own_trailing_stop_follows_the_minutes(bench: SessionBench) -> None:
    await bench.entered(trail=2.0)
    bench.broker.clock.set(bench.broker.clock.now_ns() // (60 * 10**9) * 60 * 10**9 + 60 * 10**9)
    bench.quote(104.0, 103.0)
    bench.session.on_time(bench.broker.clock.now_ns() // (60 * 10**9) * 60 * 10**9 + 60 * 10**9)
    await bench.settle()
    assert bench.resting() == [("trail", -1, 102.0, 10)]


@session_test()
async def test_protection_can_be_moved_while_something_is_held(bench: SessionBench) -> None:
    bench.session.guard.move(RELIANCE, Product.MIS, "hand", stop=98.0)
    assert bench.session.guard.plan(RELIANCE, Product.MIS, "hand") is None, "nothing is held"
    await bench.entered()
    bench.session.guard.move(RELIANCE, Product.MIS, "hand", stop=97.52, target=106.0)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 97.5, 10), ("target", -1, 106.0, 10)]


@session_test()
async def test_a_stop_moved_by_hand_stays_where_it_was_moved(bench: SessionBench) -> None:
    await bench.entered(stop=98.0, target=105.0)
    (stop,) = bench.working(Purpose.STOP)
    bench.session.modify(stop.id, OrderChange(trigger_price=99.0))
    await bench.settle()
    await bench.entered(1, 5)
    assert bench.resting() == [("stop", -1, 99.0, 15), ("target", -1, 105.0, 15)]


@session_test(marks=True)
async def test_a_stop_taken_back_by_hand_stays_away_and_is_told(bench: SessionBench) -> None:
    await bench.entered(stop=98.0, target=105.0)
    bench.session.cancel(bench.working(Purpose.STOP)[0].id)
    await bench.settle()
    assert bench.resting() == [("target", -1, 105.0, 10)]
    assert any("stop of RELIANCE of hand is cancelled" in text for _, text in bench.notices)


@session_test(marks=True)
async def test_a_stop_that_is_refused_closes_the_position_instead(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.broker.answers = [OrderRejected("trigger above the market")]
    bench.fill(order, 97.0)
    await bench.settle()
    (exit_,) = bench.working()
    assert (exit_.request.purpose, exit_.request.order_type.value, exit_.remaining) == (Purpose.EXIT, "MARKET", 10)
    bench.fill(exit_, 97.0)
    await bench.settle()
    assert bench.session.position(RELIANCE, Product.MIS, "hand").quantity == 0
    assert bench.working() == []


@session_test(marks=True)
async def test_when_the_emergency_exit_is_refused_too_the_trader_is_told_and_nothing_loops(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.broker.answers = [OrderRejected("no")] * 9
    bench.fill(order, 97.0)
    await bench.settle()
    assert len(bench.broker.sent) == 3
    assert [text for _, text in bench.notices if "close it yourself" in text] == [
        "RELIANCE of hand has no stop and was not closed; close it yourself."
    ]


@session_test(marks=True)
async def test_a_target_that_is_refused_leaves_the_stop(bench: SessionBench) -> None:
    await bench.entered(stop=98.0, target=105.0)
    (target,) = bench.working(Purpose.TARGET)
    bench.says(target, S.REJECTED)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]


@session_test()
async def test_a_strategy_that_was_stopped_out_loses_its_waiting_orders_and_the_trader_keeps_his(bench: SessionBench) -> None:
    await bench.entered(owner="bot", stop=98.0)
    bench.submit(1, 5, owner="bot", price=97.0)
    await bench.settle()
    bench.fill(bench.working(Purpose.STOP)[0], 98.0)
    await bench.settle()
    assert bench.working() == []
    await bench.entered(stop=98.0)
    entry, exit_ = bench.submit(1, 5, price=97.0), bench.submit(-1, 5, price=110.0)
    await bench.settle()
    assert exit_.request.purpose is Purpose.EXIT
    bench.fill(bench.working(Purpose.STOP)[0], 98.0)
    await bench.settle()
    assert [o.id for o in bench.working()] == [entry.id]


@session_test()
async def test_orders_of_one_group_close_each_other(bench: SessionBench) -> None:
    first, second, alone = bench.submit(price=99.0, group="oco"), bench.submit(price=98.0, group="oco"), bench.submit(price=97.0)
    await bench.settle()
    bench.fill(first, 99.0)
    await bench.settle()
    assert [o.id for o in bench.working()] == [alone.id]
    assert bench.now(second).status is S.CANCELLED


@session_test(calendar=Calendar.load())
async def test_protection_that_expired_with_the_day_is_placed_again_at_the_next_open(bench: SessionBench) -> None:
    await bench.entered(product=Product.CNC, stop=98.0)
    bench.says(bench.working(Purpose.STOP)[0], S.EXPIRED)
    await bench.settle()
    assert bench.working() == []
    clock = bench.broker.clock
    clock.advance(23 * 3_600)
    bench.session.on_time(clock.now_ns())
    await bench.settle()
    assert bench.working() == [], "08:15: closed"
    clock.advance(2 * 3_600)
    bench.session.on_time(clock.now_ns())
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]


@session_test()
async def test_a_stop_that_cannot_be_changed_any_more_is_replaced(bench: SessionBench) -> None:
    await bench.entered(stop=98.0)
    (stop,) = bench.working()
    bench.session.orders._log.keep(replace(stop, modifications=20))
    bench.session.guard.move(RELIANCE, Product.MIS, "hand", stop=99.0)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 99.0, 10)]
    assert bench.now(stop).status is S.CANCELLED


@session_test()
async def test_while_a_replay_only_tells_what_was_before_nothing_is_placed(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.broker.warming_up = True
    bench.session.on_time(bench.broker.clock.now_ns())
    bench.fill(order, 100.0)
    await bench.settle()
    assert bench.working() == []
    bench.broker.warming_up = False
    bench.session.on_time(bench.broker.clock.now_ns())
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)], "made up for when it has caught up"


def test_requests_of_the_bench_are_plain() -> None:
    assert request().stop is None


@session_test()
async def test_a_part_of_a_reversal_keeps_the_old_protection_until_the_position_has_turned(bench: SessionBench) -> None:
    await bench.entered(owner="bot", stop=98.0)
    turn = bench.submit(-1, 20, owner="bot", purpose=Purpose.REVERSAL, stop=103.0)
    await bench.settle()
    bench.fill(turn, 100.0, 4)
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 6)]
    bench.fill(turn, 100.0, 9)
    await bench.settle()
    assert bench.resting() == [("stop", 1, 103.0, 3)]


@session_test()
async def test_a_part_of_a_stop_takes_back_the_exit_that_waits_and_makes_a_square_off_smaller(bench: SessionBench) -> None:
    await bench.entered(owner="bot", stop=98.0)
    exit_ = bench.submit(-1, 10, owner="bot", purpose=Purpose.EXIT)
    await bench.settle()
    (stop,) = bench.working(Purpose.STOP)
    bench.fill(stop, 98.0, 4)
    await bench.settle()
    assert bench.now(exit_).status is S.CANCELLED or bench.now(exit_).pending.value == "cancel"
    bench.says(bench.now(exit_), S.CANCELLED)
    close = bench.submit(-1, 6, owner="bot", purpose=Purpose.SQUARE_OFF)
    await bench.settle()
    bench.fill(stop, 98.0, 2)
    await bench.settle()
    assert bench.now(close).quantity == 4
    bench.fill(stop, 98.0, 4)
    await bench.settle()
    assert bench.now(close).status is S.CANCELLED or bench.now(close).pending.value == "cancel"

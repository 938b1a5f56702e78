"""Closing everything by the plan: cancels first, shorts before longs, slices, eight a second, and never more than is there."""

from __future__ import annotations

from dataclasses import replace

from engine.brokers.base import Holding
from engine.core.errors import BrokerError, OrderRejected, OutcomeUnknown
from engine.core.model import OrderStatus, Position, Product
from engine.kill.exits import Exit, confirmed_nets, exits, gaps_of, sliced
from tests.engine.fakes import RELIANCE, TCS
from tests.engine.kill.kill_bench import KillBench, kill_test

S = OrderStatus
LOT = replace(TCS, lot_size=5, freeze_quantity=12)


@kill_test()
async def test_positions_are_closed_only_when_asked(bench: KillBench) -> None:
    await bench.entered(owner="bot")
    bench.session.kill("storm")
    await bench.passes(5)
    assert bench.exits() == []
    assert [book.quantity for book in bench.session.switch.report.held] == [10]
    bench.session.kill("and close", flatten=True)
    await bench.passes(1)
    assert bench.exits() == [("bot", "RELIANCE", -10)]
    bench.fill(bench.last(), 99.0)
    await bench.passes(1)
    report = bench.session.switch.report
    assert (report.is_over, report.is_clean, report.held) == (True, True, ())


@kill_test()
async def test_nothing_is_closed_beside_an_order_that_may_still_fill(bench: KillBench) -> None:
    await bench.entered(stop=98.0)
    bench.session.kill("storm", flatten=True)
    await bench.passes(3)
    assert bench.exits() == [], "the stop is not cancelled yet: both would fill"
    await bench.cancelled()
    await bench.passes(1)
    assert bench.exits() == [("hand", "RELIANCE", -10)]


@kill_test()
async def test_a_stop_that_is_never_cancelled_leaves_nothing_to_close(bench: KillBench) -> None:
    await bench.entered(stop=98.0)
    bench.session.kill("storm", flatten=True)
    await bench.passes(8)
    assert bench.exits() == [], "it would close all of it: whatever is sent beside it could turn the position round"


@kill_test()
async def test_shorts_are_bought_back_before_longs_are_sold(bench: KillBench) -> None:
    await bench.entered(1, 10)
    await bench.entered(-1, 7, instrument=TCS)
    bench.session.kill("storm", flatten=True)
    await bench.passes(3)
    assert bench.exits() == [("hand", "TCS", 7)]
    bench.fill(bench.last(), 100.0)
    await bench.passes(1)
    assert bench.exits() == [("hand", "TCS", 7), ("hand", "RELIANCE", -10)]


@kill_test()
async def test_longs_do_not_wait_for_ever_for_a_short_that_does_not_fill(bench: KillBench) -> None:
    await bench.entered(1, 10)
    await bench.entered(-1, 7, instrument=TCS)
    bench.session.kill("storm", flatten=True)
    await bench.passes(11)
    assert bench.exits() == [("hand", "TCS", 7), ("hand", "RELIANCE", -10)]


@kill_test()
async def test_what_is_above_the_freeze_quantity_goes_in_slices_of_their_own(bench: KillBench) -> None:
    await bench.entered(1, 35, instrument=LOT, is_sliced=True)
    bench.session.kill("storm", flatten=True)
    await bench.passes(1)
    assert [quantity for _, _, quantity in bench.exits()] == [-10, -10, -10, -5]
    assert len({order.id for order in bench.broker.sent[-4:]}) == 4


@kill_test()
async def test_at_most_eight_leave_within_a_second(bench: KillBench) -> None:
    await bench.entered(1, 100, instrument=replace(LOT, freeze_quantity=10), is_sliced=True)
    bench.session.kill("storm", flatten=True)
    await bench.passes(0.9)
    assert len(bench.exits()) == 8
    for order in bench.broker.sent[-8:]:
        bench.fill(order, 100.0)
    await bench.passes(2)
    assert len(bench.exits()) == 10


@kill_test(is_live=True)
async def test_a_slice_of_unknown_fate_stops_the_rest_until_it_is_known(bench: KillBench) -> None:
    await bench.entered(1, 100, instrument=replace(LOT, freeze_quantity=10), is_sliced=True)
    bench.broker.answers = [OutcomeUnknown("the line broke")]
    bench.session.kill("storm", flatten=True)
    await bench.passes(4)
    unknown = [order for order in bench.session.orders.working() if order.status is S.UNKNOWN]
    assert (len(unknown), len(bench.exits())) == (1, 8), "the eight of the first moment, and no more"
    bench.broker.listed = [bench.broker.update(unknown[0], S.FILLED, ("U", 10, 100.0), is_snapshot=True)]
    await bench.passes(4)
    assert sum(quantity for _, _, quantity in bench.exits()) == -100
    assert len(bench.exits()) == 10


@kill_test()
async def test_no_more_is_sold_than_the_broker_has(bench: KillBench) -> None:
    await bench.entered(1, 10)
    bench.broker.truth = lambda: [replace(bench.session.position(RELIANCE), quantity=4)]
    bench.session.kill("storm", flatten=True)
    await bench.passes(1)
    assert bench.exits() == [("hand", "RELIANCE", -4)]
    bench.broker.truth = list
    bench.fill(bench.last(), 100.0)
    await bench.passes(5)
    assert bench.exits() == [("hand", "RELIANCE", -4)]
    assert any("the broker lists less of it" in text for _, text in bench.notices)


@kill_test()
async def test_positions_that_cannot_be_read_are_not_none(bench: KillBench) -> None:
    await bench.entered(1, 10)
    bench.broker.positions_fail = BrokerError("maintenance")
    bench.session.kill("storm", flatten=True)
    await bench.passes(1)
    assert bench.exits() == [("hand", "RELIANCE", -10)]


@kill_test()
async def test_shares_of_another_day_are_closed_too(bench: KillBench) -> None:
    await bench.entered(1, 10, product=Product.CNC)
    bench.broker.truth = list
    bench.broker.shares = [Holding(RELIANCE, 10, 10)]
    bench.session.kill("storm", flatten=True)
    await bench.passes(1)
    assert bench.exits() == [("hand", "RELIANCE", -10)]


@kill_test()
async def test_what_two_owners_hold_against_each_other_is_left_alone(bench: KillBench) -> None:
    await bench.entered(1, 10, owner="up")
    await bench.entered(-1, 7, owner="down")
    bench.session.kill("storm", flatten=True)
    await bench.passes(1)
    assert bench.exits() == [("up", "RELIANCE", -3)]


@kill_test()
async def test_what_is_refused_three_times_is_left_to_a_person(bench: KillBench) -> None:
    await bench.entered(1, 10)
    bench.broker.answers = [OrderRejected("LPP")] * 40
    bench.session.kill("storm", flatten=True)
    await bench.passes(60)
    report = bench.session.switch.report
    assert (report.is_over, report.is_clean) == (True, False)
    assert bench.session.position(RELIANCE).quantity == 10, "it stays on the screen"
    assert any("could not be closed (LPP)" in text for _, text in bench.notices)


def test_what_is_working_already_is_left_to_it() -> None:
    book = Position(LOT, Product.NRML, "hand", 35)
    assert exits([book], {(LOT.key, Product.NRML): 35}, []) == [Exit(book, 35)]
    assert sliced(Exit(book, 35)) == [Exit(book, 10)] * 3 + [Exit(book, 5)]
    assert sliced(Exit(replace(book, instrument=TCS), 35)) == [Exit(replace(book, instrument=TCS), 35)]


def test_no_more_is_closed_than_the_broker_had_and_what_filled_since_counts() -> None:
    book, place = Position(TCS, Product.MIS, "hand", 10), (TCS.key, Product.MIS)
    assert confirmed_nets([book], {}) == {place: 10}
    for theirs, closable in ((10, 10), (25, 10), (4, 4), (0, 0), (-10, 0)):
        gaps = gaps_of([book], [replace(book, quantity=theirs)])
        assert confirmed_nets([book], gaps) == {place: closable}
    assert confirmed_nets([replace(book, quantity=6)], gaps_of([book], [replace(book, quantity=4)])) == {place: 0}

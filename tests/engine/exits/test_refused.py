"""An exit that the exchange refuses is tried again at prices it takes, in parts where it was too large, and told when nothing helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.core.errors import BrokerError, OrderRejected, OutcomeUnknown
from engine.core.model import Instrument, OrderStatus, OrderType, Purpose, Quote
from tests.engine.fakes import RELIANCE, TCS, FakeBroker
from tests.engine.kill.kill_bench import KillBench, kill_test

S = OrderStatus
LPP = OrderRejected("Price is outside the limit price protection range")


def quoted(bench: KillBench, *, bid: float = 99.95, fails: bool = False) -> None:
    """Let the broker quote."""

    async def quote(instruments: Sequence[Instrument]) -> Sequence[Quote]:
        if fails:
            raise BrokerError("maintenance")
        return [Quote(one, last_price=100.0, bid=bid, ask=100.05) for one in instruments]

    bench.broker.quote = quote  # type: ignore[method-assign]


def limits(broker: FakeBroker) -> list[tuple[int, float | None]]:
    return [(o.request.signed_quantity, o.request.price) for o in broker.sent if o.request.order_type is OrderType.LIMIT]


@kill_test()
async def test_it_is_sent_again_as_a_limit_that_fills_at_once(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered(owner="bot")
    bench.broker.answers = [LPP]
    bench.session.flatten()
    await bench.passes(2)
    assert limits(bench.broker) == [(-10, 99.85)]
    assert bench.last().request.purpose is Purpose.EXIT
    bench.says(bench.last(), S.OPEN)
    bench.fill(bench.last(), 99.9)
    await bench.passes(20)
    assert len(limits(bench.broker)) == 1
    assert bench.session.positions.open_books() == []


@kill_test()
async def test_each_try_lies_elsewhere_and_then_a_person_is_asked(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered(owner="bot")
    bench.broker.answers = [LPP] * 20
    bench.session.flatten()
    await bench.passes(30)
    assert limits(bench.broker) == [(-10, 99.85), (-10, 99.95), (-10, 99.45), (-10, 98.95)]
    assert bench.session.position(RELIANCE).quantity == 10
    assert any("10 RELIANCE of bot are still held" in text and "limit price protection" in text for _, text in bench.notices)


@kill_test()
async def test_what_rests_is_followed_by_the_price(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered(owner="bot")
    bench.broker.answers = [LPP]
    bench.session.flatten()
    await bench.passes(2)
    bench.says(bench.last(), S.OPEN)
    quoted(bench, bid=98.0)
    await bench.passes(3)
    assert [change.price for _, change in bench.broker.changes] == [97.9]


@kill_test()
async def test_what_was_too_large_goes_in_halves(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered(1, 35, owner="bot", instrument=replace(TCS, lot_size=5))
    bench.broker.answers = [OrderRejected("Quantity above the freeze quantity")]
    bench.session.flatten()
    await bench.passes(1.5)
    bench.says(bench.last(), S.OPEN)
    await bench.passes(3)
    assert [quantity for quantity, _ in limits(bench.broker)] == [-20, -15]


@kill_test(is_live=True)
async def test_after_a_part_of_unknown_fate_no_other_is_sent_but_that_one_once_more(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered(1, 10)
    bench.broker.answers = [OrderRejected("freeze"), OutcomeUnknown("the line broke")]
    bench.session.flatten()
    await bench.passes(14)
    assert [quantity for quantity, _ in limits(bench.broker)] == [-5]
    lost = bench.last()
    await bench.passes(20)
    assert [quantity for quantity, _ in limits(bench.broker)] == [-5, -5]
    assert bench.last().request.group == lost.id


@kill_test()
async def test_without_a_quote_it_waits_for_the_next_try(bench: KillBench) -> None:
    quoted(bench, fails=True)
    await bench.entered(owner="bot")
    bench.broker.answers = [LPP]
    bench.session.flatten()
    await bench.passes(1.5)
    assert limits(bench.broker) == []
    quoted(bench)
    await bench.passes(3)
    assert limits(bench.broker) == [(-10, 99.95)]


@kill_test()
async def test_what_was_closed_meanwhile_is_not_closed_again(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered()
    bench.broker.answers = [LPP]
    (refused,) = bench.session.flatten()
    await bench.passes(0.5)
    by_hand = bench.submit(-1, 10, price=100.0)
    await bench.passes(20)
    assert [o.id for o in bench.broker.sent if o.request.order_type is OrderType.LIMIT] == [by_hand.id]
    assert bench.now(refused).status is S.REJECTED


@kill_test()
async def test_a_refused_entry_or_limit_is_the_owner_s_own_affair(bench: KillBench) -> None:
    quoted(bench)
    await bench.entered()
    bench.broker.answers = [LPP, LPP]
    bench.submit()
    bench.submit(-1, 10, price=110.0)
    await bench.passes(20)
    assert len(bench.broker.sent) == 3

"""The account's budget of calls: who waits how long, what is kept for exits, and what a refusal of the broker does."""

from __future__ import annotations

from typing import Any

import pytest

from engine.brokers.zerodha import limiter as limits
from engine.brokers.zerodha.limiter import Call, Limiter, Limiters
from engine.core.errors import ConnectionLost, RateLimited
from tests.engine.brokers.zerodha.clocks import JumpingClock

SECOND = 1_000_000_000


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock(10 * SECOND)


async def times(limiter: Limiter, clock: JumpingClock, call: Call, count: int, **options: Any) -> list[float]:
    """Take turns, and say when each came, in seconds from the first."""
    start, came = clock.now_ns(), []
    for _ in range(count):
        await limiter.turn(call, **options)
        came.append((clock.now_ns() - start) / SECOND)
    return came


@pytest.mark.parametrize(("call", "count"), [(Call.QUOTE, 1), (Call.HISTORY, 3), (Call.OTHER, 9)])
def test_no_more_of_a_class_goes_out_within_its_span(loop_run: Any, clock: JumpingClock, call: Call, count: int) -> None:
    came = loop_run(times(Limiter(clock), clock, call, 2 * count + 1))
    assert came == pytest.approx([0.0] * count + [1.1] * count + [2.2])


def test_classes_do_not_share(loop_run: Any, clock: JumpingClock) -> None:
    async def both() -> int:
        limiter = Limiter(clock)
        await limiter.turn(Call.QUOTE)
        await limiter.turn(Call.HISTORY)
        await limiter.turn(Call.ORDER)
        return clock.now_ns()

    assert loop_run(both()) == 10 * SECOND


def test_two_messages_a_second_are_kept_for_exits(loop_run: Any, clock: JumpingClock) -> None:
    async def scenario() -> tuple[list[float], list[float], list[float]]:
        limiter = Limiter(clock)
        entries = await times(limiter, clock, Call.ORDER, 6)
        exits = await times(limiter, clock, Call.ORDER, 2, is_urgent=True)
        return entries, exits, await times(limiter, clock, Call.ORDER, 1, is_urgent=True)

    entries, exits, third = loop_run(scenario())
    assert (entries, exits) == ([0.0] * 6, [0.0, 0.0])
    assert third == [1.0]


def test_a_seventh_entry_waits_a_second(loop_run: Any, clock: JumpingClock) -> None:
    assert loop_run(times(Limiter(clock), clock, Call.ORDER, 7))[-1] == pytest.approx(1.0)


def test_an_entry_that_would_wait_too_long_is_not_sent(loop_run: Any, clock: JumpingClock) -> None:
    async def scenario() -> None:
        limiter = Limiter(clock)
        for _ in range(3):
            limiter.refused(Call.ORDER)  # 5 s of rest by now
        await limiter.turn(Call.ORDER)

    with pytest.raises(RateLimited, match="Not sent"):
        loop_run(scenario())
    assert clock.now_ns() == 10 * SECOND


def test_a_refusal_lets_entries_rest_longer_each_time_and_exits_try_once_a_second(loop_run: Any, clock: JumpingClock) -> None:
    async def scenario() -> tuple[float, list[float], float]:
        limiter = Limiter(clock)
        limiter.refused(Call.OTHER)
        limiter.refused(Call.OTHER)
        rested = (await times(limiter, clock, Call.OTHER, 1))[0]
        limiter.answered(Call.OTHER)
        limiter.refused(Call.OTHER)
        again = (await times(limiter, clock, Call.OTHER, 1))[0]
        for _ in range(4):
            limiter.refused(Call.ORDER)
        return rested, await times(limiter, clock, Call.ORDER, 3, is_urgent=True), again

    rested, exits, again = loop_run(scenario())
    assert rested == pytest.approx(2.0)
    assert again == pytest.approx(1.0)
    assert exits == pytest.approx([0.0, 1.0, 2.0])


def test_the_orders_of_a_minute_are_limited_for_entries_only(loop_run: Any, clock: JumpingClock) -> None:
    async def scenario() -> bool:
        limiter = Limiter(clock)
        for _ in range(limits.ORDERS_A_MINUTE.count):
            await limiter.turn(Call.ORDER, is_urgent=True, is_new_order=True)
        await limiter.turn(Call.ORDER, is_urgent=True, is_new_order=True)
        with pytest.raises(RateLimited):
            await limiter.turn(Call.ORDER, is_new_order=True)
        clock.advance(60)
        await limiter.turn(Call.ORDER, is_new_order=True)
        return True

    assert loop_run(scenario())


def test_the_last_orders_of_the_day_are_kept_for_exits(loop_run: Any, clock: JumpingClock) -> None:
    async def scenario() -> None:
        limiter = Limiter(clock)
        limiter.placed_today = limits.ORDERS_A_DAY - limits.KEPT_A_DAY
        with pytest.raises(RateLimited, match="5,000 orders a day"):
            await limiter.turn(Call.ORDER, is_new_order=True)
        await limiter.turn(Call.ORDER, is_urgent=True, is_new_order=True)
        limiter.placed_today = limits.ORDERS_A_DAY
        with pytest.raises(RateLimited):
            await limiter.turn(Call.ORDER, is_urgent=True, is_new_order=True)
        await limiter.turn(Call.ORDER, is_urgent=True)  # a cancel is no new order

    loop_run(scenario())


def test_one_account_has_one_limiter(clock: JumpingClock) -> None:
    limiters = Limiters()
    first = limiters.of("K", lambda: Limiter(clock))
    assert limiters.of("K", lambda: Limiter(clock)) is first
    assert limiters.of("other", lambda: Limiter(clock)) is not first


def test_a_turn_that_is_not_wanted_any_more_after_the_wait_is_left_to_others(loop_run: Any) -> None:
    clock = JumpingClock()
    limiter = Limiter(clock)

    async def main() -> None:
        for _ in range(6):
            await limiter.turn(Call.ORDER, is_new_order=True, last_look=lambda: "")
        before_ns = clock.monotonic_ns()
        with pytest.raises(ConnectionLost, match="stopped"):
            await limiter.turn(Call.ORDER, is_new_order=True, last_look=lambda: "stopped")
        assert clock.monotonic_ns() > before_ns, "it was looked at after the wait"
        assert limiter.placed_today == 6

    loop_run(main())

"""Time is told by one clock, which stands still in a test until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.clock import ManualClock, SystemClock, ist
from engine.tasks import Tasks


def test_the_system_clock_runs_forward(loop_run: Callable[..., Any]) -> None:
    clock = SystemClock()
    first = clock.now_ns(), clock.monotonic_ns()
    loop_run(clock.sleep(0))
    assert clock.now_ns() >= first[0] > 1_700_000_000 * 10**9
    assert clock.monotonic_ns() >= first[1]


def test_a_manual_clock_wakes_those_whose_time_has_come_in_order(loop_run: Callable[..., Any]) -> None:
    async def scenario() -> None:
        clock, woken = ManualClock(1_000), []

        async def wait(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        tasks = Tasks()
        for seconds in (120.0, 5.0, 0.0):
            tasks.spawn(wait(seconds), "waiting")
        for _ in range(3):
            await asyncio.sleep(0)
        assert woken == [0.0]
        clock.advance(60)
        for _ in range(3):
            await asyncio.sleep(0)
        assert woken == [0.0, 5.0]
        clock.advance(60)
        await tasks.settle()
        assert woken == [0.0, 5.0, 120.0]
        assert clock.monotonic_ns() == clock.now_ns() == 1_000 + 120 * 10**9

    loop_run(scenario())


def test_it_never_runs_backwards_and_forgets_who_was_cancelled(loop_run: Callable[..., Any]) -> None:
    async def scenario() -> None:
        clock = ManualClock(50)
        clock.set(10)
        assert clock.now_ns() == 50
        tasks = Tasks()
        waiting = tasks.spawn(clock.sleep(1), "waiting")
        await asyncio.sleep(0)
        waiting.cancel()
        await tasks.settle()
        clock.advance(2)
        assert waiting.cancelled()

    loop_run(scenario())


def test_india_is_five_and_a_half_hours_ahead() -> None:
    assert ist(1_625_461_887 * 10**9).isoformat() == "2021-07-05T10:41:27+05:30"

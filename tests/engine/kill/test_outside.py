"""Another process presses the switch by a file, and is answered order by order; whoever claims the question first acts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import OrderStatus, TradingState
from engine.kill_latch import KillLatch
from tests.engine.kill.kill_bench import KillBench, Run

S = OrderStatus
Play = Callable[[KillBench, KillLatch], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, loop_run: Run) -> Callable[[Play], None]:
    """Run a test with an open session and the latch as another process holds it."""

    def run(test: Play) -> None:
        async def main() -> None:
            bench = await KillBench(latch=tmp_path / "kill.latch").open()
            try:
                await test(bench, KillLatch(tmp_path / "kill.latch"))
            finally:
                await bench.close()

        loop_run(main())

    return run


async def answered(bench: KillBench, latch: KillLatch, number: str, *, is_over: bool) -> dict[str, Any]:
    """Let the file be looked at, and the answer be written in its thread; returns it."""
    await bench.passes(1)
    for _ in range(2_000):
        told = latch.heard(number)
        if told and told["is_over"] is is_over:
            return told
        await asyncio.to_thread(lambda: None)
        await bench.passes(0.1)
    raise AssertionError(f"never answered: {latch.heard(number)}")


@pytest.mark.logs_warnings
def test_a_latch_from_outside_stops_and_cancels_without_any_order_being_sent(play: Callable[[Play], None]) -> None:
    async def test(bench: KillBench, latch: KillLatch) -> None:
        order = bench.submit(price=90.0)
        await bench.settle()
        latch.set("from a shell")
        await bench.passes(0.5)
        assert bench.session.risk.state is TradingState.HALTED
        assert bench.session.risk.reason == "from a shell"
        assert [one.id for one in bench.broker.cancels] == [order.id]

    play(test)


@pytest.mark.logs_warnings
def test_it_is_told_so_that_strategies_stop(play: Callable[[Play], None]) -> None:
    async def test(bench: KillBench, latch: KillLatch) -> None:
        told: list[str] = []
        bench.session.killed.connect(told.append)
        latch.set("from a shell")
        await bench.passes(1)
        assert told == ["from a shell"]

    play(test)


@pytest.mark.logs_warnings
def test_whoever_asked_is_answered_until_it_is_over(play: Callable[[Play], None]) -> None:
    async def test(bench: KillBench, latch: KillLatch) -> None:
        order = bench.submit(price=90.0)
        await bench.settle()
        latch.set("from a shell", number="17")
        told = await answered(bench, latch, "17", is_over=False)
        assert [one["fate"] for one in told["orders"]] == ["still open"]
        await bench.cancelled()
        told = await answered(bench, latch, "17", is_over=True)
        assert (told["is_clean"], told["orders"][0]["order"]) == (True, order.id)

    play(test)


@pytest.mark.logs_warnings
def test_positions_are_closed_by_the_terminal_when_it_was_first(play: Callable[[Play], None]) -> None:
    async def test(bench: KillBench, latch: KillLatch) -> None:
        await bench.entered()
        latch.set("from a shell", flatten=True, number="17")
        await bench.passes(1)
        assert bench.exits() == [("hand", "RELIANCE", -10)]
        assert not latch.claim("17")

    play(test)


@pytest.mark.logs_warnings
def test_a_terminal_that_comes_back_late_only_stops(play: Callable[[Play], None]) -> None:
    async def test(bench: KillBench, latch: KillLatch) -> None:
        await bench.entered()
        waiting = bench.submit(price=90.0)
        await bench.settle()
        latch.set("from a shell", flatten=True, number="17")
        assert latch.claim("17"), "the command acts itself"
        await bench.passes(3)
        assert bench.session.risk.state is TradingState.HALTED
        assert [one.id for one in bench.broker.cancels] == [waiting.id], "cancelling twice harms nobody"
        await bench.cancelled()
        await bench.passes(7)
        assert bench.exits() == [], "closing twice would turn the position round"

    play(test)


@pytest.mark.logs_warnings
def test_a_second_question_is_answered_too(play: Callable[[Play], None]) -> None:
    async def test(bench: KillBench, latch: KillLatch) -> None:
        await bench.entered()
        latch.set("from a shell", number="17")
        await answered(bench, latch, "17", is_over=True)
        latch.set("and close", flatten=True, number="18")
        await answered(bench, latch, "18", is_over=False)
        assert bench.exits() == [("hand", "RELIANCE", -10)]

    play(test)


@pytest.mark.logs_warnings
def test_a_question_of_before_the_start_closes_nothing(tmp_path: Path, loop_run: Run) -> None:
    """Whoever asked may have gone an hour ago, before anybody answered."""

    async def main() -> None:
        latch = KillLatch(tmp_path / "kill.latch")
        latch.set("from a shell", flatten=True, number="17")
        bench = await KillBench(latch=tmp_path / "kill.latch").open()
        bench.session.risk.clear("kill")  # so that something can be held
        await bench.entered()
        await bench.passes(3)
        assert bench.exits() == []
        assert latch.heard("17") is None
        await bench.close()

    loop_run(main())

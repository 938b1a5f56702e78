"""The line back to the session: in order, after the commit, and never inside the call that caused it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.brokers.simulated.wire import Wire
from engine.core.model import OrderStatus, OrderUpdate

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def update(number: int) -> OrderUpdate:
    return OrderUpdate(str(number), "", OrderStatus.OPEN, 0)


class Listener:
    """Notes what it hears, and may send more while it settles."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.on_settle: list[Callable[[], None]] = []

    def on_order_update(self, news: OrderUpdate) -> None:
        self.heard.append(news.broker_order_id)

    async def settle(self) -> None:
        if self.on_settle:
            self.on_settle.pop()()


def test_updates_come_with_the_loops_next_turn_in_order_and_after_the_commit(loop_run: Run) -> None:
    wire, listener = Wire(), Listener()

    async def run() -> None:
        wire.connect(listener, lambda: listener.heard.append("commit"))  # type: ignore[arg-type]
        wire.send(update(1))
        wire.send(update(2))
        assert (listener.heard, wire.has_news) == ([], True)
        await asyncio.sleep(0)

    loop_run(run())
    assert listener.heard == ["commit", "1", "2"]


def test_settling_goes_on_until_nothing_new_came_of_it(loop_run: Run) -> None:
    wire, listener = Wire(), Listener()
    listener.on_settle = [lambda: wire.send(update(3)), lambda: wire.send(update(2))]

    async def run() -> None:
        wire.connect(listener, lambda: None)  # type: ignore[arg-type]
        wire.send(update(1))
        await wire.settle()

    loop_run(run())
    assert listener.heard == ["1", "2", "3"]


def test_a_line_that_was_cut_or_never_laid_carries_nothing(loop_run: Run) -> None:
    wire, listener = Wire(), Listener()

    async def run() -> None:
        wire.send(update(1))
        await wire.settle()
        wire.deliver()
        wire.connect(listener, lambda: None)  # type: ignore[arg-type]
        wire.send(update(2))
        wire.close()
        await asyncio.sleep(0)

    loop_run(run())
    assert listener.heard == []

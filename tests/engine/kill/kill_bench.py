"""A session whose broker lists what was really filled, and a wall clock that moves when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.brokers.base import Holding
from engine.calendar import Calendar
from engine.core.model import Order, OrderUpdate, Position
from tests.engine.fakes import FakeBroker, FakeStore
from tests.engine.sessions import SessionBench, turns

Run = Callable[[Any], Any]
STEP_S = 0.1


class HonestBroker(FakeBroker):
    """Lists positions as the test has them."""

    def __init__(self, *, is_live: bool = False) -> None:
        super().__init__(is_live=is_live)
        self.truth: Callable[[], Sequence[Position]] = list
        self.reads = 0
        self.positions_fail: Exception | None = None

    async def orders(self) -> Sequence[OrderUpdate]:
        self.reads += 1
        return await super().orders()

    async def positions(self) -> Sequence[Position]:
        if self.positions_fail is not None:
            raise self.positions_fail
        return self.truth()

    async def holdings(self) -> Sequence[Holding]:
        return self.shares


class KillBench(SessionBench):
    """A session to be killed."""

    broker: HonestBroker

    def __init__(
        self,
        limits: Any = None,
        *,
        is_live: bool = False,
        latch: Path | None = None,
        store: FakeStore | None = None,
        calendar: Calendar | None = None,
    ) -> None:
        super().__init__(limits, is_live=is_live, latch=latch, store=store, broker=HonestBroker(is_live=is_live), calendar=calendar)

    async def open(self) -> KillBench:
        await super().open()
        self.broker.truth = lambda: self.session.positions.positions
        return self

    async def passes(self, seconds: float, *, is_latched: bool = True) -> None:
        """Let time pass by every clock, in the steps in which the switch looks, once the latch's file is written: that takes real time."""
        await turns(4)
        if is_latched and (latching := self.session.switch._latching) is not None:
            await asyncio.wait({latching}, timeout=1.0)
        for _ in range(round(seconds / STEP_S)):
            await turns(4)
            self.wall.advance(STEP_S)
            self.broker.clock.advance(STEP_S)
        await turns(4)

    async def cancelled(self) -> None:
        """Let the exchange carry out every cancel that has come."""
        await turns(4)
        for order in list(self.broker.cancels):
            if self.now(order).status.is_working and self.now(order).broker_order_id:
                self.says(order, self.now(order).status.CANCELLED, filled=self.now(order).filled)

    def exits(self) -> list[tuple[str, str, int]]:
        """Say which exits have left: owner, instrument, signed quantity."""
        sent = [order for order in self.broker.sent if order.request.purpose.value == "exit"]
        return [(order.request.owner, order.instrument.symbol, order.request.signed_quantity) for order in sent]

    def last(self) -> Order:
        """Return the order that left last."""
        return self.broker.sent[-1]


def kill_test(*, marks: bool = True, **options: Any) -> Callable[[Callable[[KillBench], Awaitable[None]]], Callable[[Run], None]]:
    """Run a test with an open session, which is closed after it."""

    def wrap(test: Callable[[KillBench], Awaitable[None]]) -> Callable[[Run], None]:
        def run(loop_run: Run) -> None:
            async def main() -> None:
                bench = await KillBench(**options).open()
                try:
                    await test(bench)
                finally:
                    await bench.close()

            loop_run(main())

        run.__name__ = test.__name__
        return pytest.mark.logs_warnings(run) if marks else run

    return wrap

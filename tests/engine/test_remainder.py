"""Exits at market that the broker's protection has left resting are priced anew until they fill; entries are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.brokers.base import Capabilities
from engine.core.errors import ConnectionLost
from engine.core.model import Instrument, OrderChange, OrderStatus, OrderType, Purpose, Quote
from engine.remainder import BEYOND_PCT, WAITS_S
from tests.engine.fakes import FakeBroker
from tests.engine.sessions import SessionBench, turns

pytestmark = pytest.mark.logs_warnings

S = OrderStatus
EXIT = {"purpose": Purpose.EXIT}


class ProtectedBroker(FakeBroker):
    """Takes no bare market orders, and quotes what the test says."""

    def __init__(self, *, is_live: bool = False) -> None:
        super().__init__(is_live=is_live)
        self.capabilities = Capabilities(is_live=is_live, has_market_protection=True)
        self.quotes: list[Quote] = []
        self.quote_fails: Exception | None = None

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        if self.quote_fails is not None:
            raise self.quote_fails
        return self.quotes


async def bench_with(**quote: float) -> tuple[SessionBench, ProtectedBroker]:
    broker = ProtectedBroker()
    bench = await SessionBench(broker=broker).open()
    entry = bench.submit(1, 10)
    await turns()
    bench.fill(entry, 100.0)
    broker.quotes = [Quote(entry.instrument, **quote)] if quote else []
    return bench, broker


async def wait(bench: SessionBench) -> None:
    await turns()
    bench.broker.clock.advance(WAITS_S)
    await turns(10)


def test_an_exit_that_rests_is_priced_beyond_the_other_side_further_each_time(loop_run: Any) -> None:
    async def scenario() -> None:
        bench, broker = await bench_with(bid=98.0, ask=98.1, last_price=98.0)
        order = bench.submit(-1, 10, **EXIT)
        await turns()
        bench.says(order, S.OPEN, price=99.5)
        await wait(bench)
        assert [change for _, change in broker.changes] == [OrderChange(price=97.9, order_type=OrderType.LIMIT)]
        bench.says(order, S.OPEN, price=97.9)
        await wait(bench)
        assert [change.price for _, change in broker.changes] == [97.9, 97.75]
        bench.fill(order, 97.75)
        await wait(bench)
        assert len(broker.changes) == 2
        assert "MODIFY_REQ" in bench.store.kinds(order.id)
        await bench.close()

    loop_run(scenario())


def test_a_stop_that_was_triggered_and_rests_is_seen_through(loop_run: Any) -> None:
    async def scenario() -> None:
        bench, broker = await bench_with(last_price=95.0)
        order = bench.submit(-1, 10, trigger_price=96.0, **EXIT)
        await turns()
        bench.says(order, S.TRIGGER)
        await wait(bench)
        assert broker.changes == []
        bench.fill(order, 95.5, 4)
        await wait(bench)
        assert [change.price for _, change in broker.changes] == [94.9]
        bench.fill(order, 94.9)
        await bench.close()

    loop_run(scenario())


def test_entries_and_limits_may_rest(loop_run: Any) -> None:
    async def scenario() -> None:
        bench, broker = await bench_with(bid=98.0, last_price=98.0)
        entry, limit = bench.submit(1, 10), bench.submit(-1, 5, price=101.0, **EXIT)
        await turns()
        for order in (entry, limit):
            bench.says(order, S.OPEN)
        for _ in BEYOND_PCT:
            await wait(bench)
        assert broker.changes == []
        await bench.close()

    loop_run(scenario())


def test_without_a_quote_it_waits_and_in_the_end_the_trader_is_told(loop_run: Any) -> None:
    async def scenario() -> None:
        bench, broker = await bench_with()
        broker.quote_fails = ConnectionLost("gone")
        order = bench.submit(-1, 10, **EXIT)
        await turns()
        bench.says(order, S.OPEN)
        await wait(bench)
        broker.quote_fails = None
        for _ in range(len(BEYOND_PCT)):
            await wait(bench)
        assert broker.changes == []
        assert (
            "critical",
            "10 of the exit in RELIANCE have not filled at any price near the last; change it or close by hand.",
        ) in bench.notices
        await bench.close()

    loop_run(scenario())


def test_one_that_cannot_be_changed_is_told(loop_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        bench, broker = await bench_with(bid=98.0)
        monkeypatch.setattr("engine.order_manager.CHANGES_AT_MOST", 0)
        order = bench.submit(-1, 10, **EXIT)
        await turns()
        bench.says(order, S.OPEN)
        await wait(bench)
        assert broker.changes == []
        assert any("cannot be priced anew" in text for _, text in bench.notices)
        await bench.close()

    loop_run(scenario())

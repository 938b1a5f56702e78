"""The exchange's desk: what it refuses, in which words, and what it makes of a change."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.brokers.simulated import SimulatedBroker
from engine.core.errors import OrderRejected
from engine.core.model import InstrumentKind, Order, OrderChange, OrderStatus, OrderType, Side
from tests.engine.brokers.sessions import LIMIT, RELIANCE, SL, SL_M, FakeSession, bars_of

BUY, SELL = Side.BUY, Side.SELL
Run = Callable[[Coroutine[Any, Any, Any]], Any]
LOTS = replace(RELIANCE, symbol="LOTS", tick_size=Decimal("0.10"), lot_size=25, freeze_quantity=100)


def session_of() -> FakeSession:
    bars = bars_of((100.0, 101.0, 99.0, 100.0))
    return FakeSession(SimulatedBroker(replay={RELIANCE: bars, LOTS: bars}, tariff="none"))


async def place(session: FakeSession, order: Order) -> str:
    await session.broker.connect()
    return await session.broker.place(order)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"quantity": 0}, "above 0, was 0"),
        ({"quantity": -5}, "above 0, was -5"),
        ({"quantity": 5, "order_type": LIMIT}, "price above 0 for an order of type LIMIT, was None"),
        ({"quantity": 5, "order_type": LIMIT, "price": math.nan}, "was nan"),
        ({"quantity": 5, "order_type": SL_M}, "trigger price above 0"),
        ({"quantity": 5, "order_type": SL, "price": 100.0, "trigger_price": math.inf}, "was inf"),
        ({"quantity": 5, "instrument": replace(RELIANCE, kind=InstrumentKind.INDEX)}, "an index can only be watched"),
    ],
)
def test_what_makes_no_sense_raises(loop_run: Run, request_: dict[str, Any], words: str) -> None:
    session = session_of()
    with pytest.raises(OrderRejected, match=words):
        loop_run(place(session, session.order(BUY, **request_)))


@pytest.mark.parametrize(
    ("side", "request_", "words"),
    [
        (BUY, {"quantity": 25, "order_type": LIMIT, "price": 100.05}, "price in steps of 0.10, was 100.05"),
        (BUY, {"quantity": 25, "order_type": SL_M, "trigger_price": 100.03}, "trigger price in steps of 0.10"),
        (BUY, {"quantity": 30}, "multiple of the lot of 25, was 30"),
        (BUY, {"quantity": 125}, "freeze quantity of 100, was 125"),
        (BUY, {"quantity": 25, "order_type": SL, "price": 99.0, "trigger_price": 100.0}, "at or above the trigger of 100, was 99"),
        (SELL, {"quantity": 25, "order_type": SL, "price": 101.0, "trigger_price": 100.0}, "at or below the trigger of 100, was 101"),
    ],
)
def test_what_breaks_a_rule_of_the_exchange_is_rejected_with_a_number(
    loop_run: Run, side: Side, request_: dict[str, Any], words: str
) -> None:
    session = session_of()

    async def run() -> tuple[str, Any]:
        number = await place(session, session.order(side, instrument=LOTS, **request_))
        await session.broker.start_market()
        await session.broker.wait_until_done()
        return number, await session.broker.orders()

    number, orders = loop_run(run())
    (update,) = session.updates
    assert (update.broker_order_id, update.status, update.filled) == (number, OrderStatus.REJECTED, 0)
    assert words in update.message
    assert [o.status for o in orders] == [OrderStatus.REJECTED]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"price": 99.03}, "steps of 0.05"),
        ({"price": -1.0}, "above 0"),
        ({"quantity": 0}, "quantity above the 0 that are filled"),
        ({"order_type": OrderType.SL_M, "trigger_price": 90.0}, "no change of a LIMIT order into SL-M"),
    ],
)
def test_a_change_that_makes_no_sense_raises_and_changes_nothing(loop_run: Run, change: dict[str, Any], words: str) -> None:
    session = session_of()
    order = session.order(BUY, 5, order_type=LIMIT, price=98.0)

    async def run() -> Any:
        await place(session, order)
        with pytest.raises(OrderRejected, match=words):
            await session.broker.modify(order, OrderChange(**change))
        return (await session.broker.orders())[0]

    row = loop_run(run())
    assert (row.status, row.price, row.quantity) == (OrderStatus.OPEN, 98.0, 5)


def test_a_limit_may_become_a_market_order_and_a_stop_a_limit(loop_run: Run) -> None:
    session = session_of()
    limit = session.order(BUY, 5, order_type=LIMIT, price=90.0)
    stop = session.order(BUY, 5, order_type=SL_M, trigger_price=150.0)

    async def run() -> None:
        await place(session, limit)
        await session.broker.place(stop)
        await session.broker.modify(limit, OrderChange(order_type=OrderType.MARKET))
        await session.broker.modify(stop, OrderChange(order_type=LIMIT, price=99.5))
        await session.broker.start_market()
        await session.broker.wait_until_done()
        await session.broker.close()

    loop_run(run())
    assert session.fills()[0][0] == limit.id
    assert session.fill_prices() == [100.0, 99.5]
    assert session.statuses(stop) == [OrderStatus.TRIGGER, OrderStatus.OPEN, OrderStatus.FILLED]


def test_an_order_that_was_never_placed_cannot_be_cancelled(loop_run: Run) -> None:
    session = session_of()

    async def run() -> None:
        await session.broker.connect()
        with pytest.raises(OrderRejected, match="never placed here"):
            await session.broker.cancel(session.order(BUY, 1))

    loop_run(run())


def test_the_order_list_tells_everything_an_adopter_needs(loop_run: Run) -> None:
    session = session_of()
    order = session.order(SELL, 5, order_type=SL, price=98.0, trigger_price=99.5)

    async def run() -> Any:
        await place(session, order)
        await session.broker.start_market()
        await session.broker.wait_until_done()
        return (await session.broker.orders())[0]

    row = loop_run(run())
    assert row.is_snapshot
    assert (row.tag, row.status, row.raw_status, row.filled) == (order.id, OrderStatus.FILLED, "COMPLETE", 5)
    assert [(fill.quantity, fill.price) for fill in row.fills] == [(5, 99.5)]
    assert (row.request.instrument, row.request.side, row.request.order_type, row.request.owner) == (RELIANCE, SELL, SL, "external")
    assert (row.request.price, row.request.trigger_price) == (98.0, 99.5)


def test_no_update_comes_inside_the_call_that_caused_it(loop_run: Run) -> None:
    session = session_of()

    async def run() -> tuple[int, int]:
        await place(session, session.order(BUY, 1))
        before = len(session.updates)
        await session.settle()
        await asyncio.sleep(0)
        return before, len(session.updates)

    assert loop_run(run()) == (0, 1)

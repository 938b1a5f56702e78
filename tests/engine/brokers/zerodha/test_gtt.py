"""Triggers that wait at the broker, alone and in pairs, and what orders would block, asked of the exchange."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.brokers.triggers import Gtt, Leg
from engine.brokers.zerodha.gtt import require_sense, to_gtt
from engine.core.errors import OrderRejected, OutcomeUnknown
from engine.core.model import OrderRequest, OrderType, Product, Side
from tests.engine.brokers.zerodha.live import connected
from tests.engine.brokers.zerodha.rows import INFY, NIFTY_CE
from tests.kite_exchange.process import RunningExchange

STOP = Leg(1450.0, Side.SELL, 5, 1448.0)
TARGET = Leg(1600.0, Side.SELL, 5, 1599.0)
PAIR = Gtt(INFY, (TARGET, STOP), 1500.0)
ALONE = Gtt(INFY, (replace(STOP, side=Side.BUY),), 1500.0)


def test_a_trigger_is_placed_changed_and_taken_back(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, _):
            number = await broker.gtts.place(ALONE)
            (found,) = await broker.gtts.all()
            assert (found.id, found.status, found.kind, found.instrument.key) == (number, "active", "single", "NSE:INFY")
            assert found.is_same(ALONE)
            await broker.gtts.modify(replace(ALONE, id=number, legs=(replace(ALONE.legs[0], price=1449.0),)))
            (found,) = await broker.gtts.all()
            assert found.legs[0].price == 1449.0
            await broker.gtts.delete(number)
            assert [one.status for one in await broker.gtts.all() if one.status == "active"] == []

    loop_run(scenario())


def test_a_pair_fires_once_and_says_what_became_of_it(loop_run: Any, exchange: RunningExchange) -> None:
    exchange.control("set_holding", symbol="NSE:INFY", quantity=10, price=1400.0)

    async def scenario() -> None:
        async with connected(exchange) as (broker, _):
            await broker.gtts.place(PAIR)
            (found,) = await broker.gtts.all()
            assert (found.kind, [leg.trigger_price for leg in found.legs]) == ("two-leg", [1450.0, 1600.0])
            exchange.control("set_price", symbol="NSE:INFY", price=1449.0)
            (found,) = await broker.gtts.all()
            assert found.status == "triggered"
            assert found.legs[0].outcome
            assert not found.legs[1].outcome

    loop_run(scenario())


def test_a_trigger_whose_answer_was_lost_is_found_by_what_it_asks(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, _):
            first = await broker.gtts.place(ALONE)
            exchange.control("fault", how="drop", path="/gtt/triggers", method="POST", when="after")
            second = await broker.gtts.place(ALONE)
            assert second != first
            exchange.control("fault", how="drop", path="/gtt/triggers", method="POST", when="before")
            with pytest.raises(OutcomeUnknown, match="look in Kite"):
                await broker.gtts.place(ALONE)
            assert len(await broker.gtts.all()) == 2

    loop_run(scenario())


@pytest.mark.parametrize(
    ("gtt", "says"),
    [
        (replace(PAIR, legs=()), "one leg or two"),
        (replace(PAIR, last_price=1700.0), "between the two triggers"),
        (replace(PAIR, legs=(replace(STOP, side=Side.BUY), TARGET)), "selling legs for shares"),
        (replace(ALONE, legs=(replace(STOP, product=Product.MIS),)), "was MIS"),
        (replace(ALONE, legs=(replace(STOP, quantity=0),)), "lots of 1"),
        (replace(ALONE, legs=(replace(STOP, price=1448.03),)), "steps of"),
        (replace(ALONE, legs=(replace(STOP, trigger_price=0.0),)), "above 0"),
    ],
)
def test_what_would_be_refused_never_leaves(gtt: Gtt, says: str) -> None:
    with pytest.raises(OrderRejected, match=says):
        require_sense(gtt)


def test_a_pair_that_buys_is_for_futures_and_options() -> None:
    legs = (Leg(90.0, Side.BUY, 65, 91.0, Product.NRML), Leg(110.0, Side.BUY, 65, 111.0, Product.NRML))
    require_sense(Gtt(NIFTY_CE, legs, 100.0))


def test_a_refused_leg_says_why() -> None:
    order = {
        "transaction_type": "SELL", "quantity": 1, "price": 10, "product": "CNC",
        "result": {"order_result": {"status": "failed", "order_id": "", "rejection_reason": "No holdings"}},
    }  # fmt: skip
    row = {"id": 1, "status": "triggered", "condition": {"trigger_values": [9.0], "last_price": 0}, "orders": [order]}
    assert to_gtt(row, INFY).legs[0].outcome == "No holdings"


def test_margins_of_orders_and_of_a_basket(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, _):
            infy = next(i for i in broker._catalogue if i.key == "NSE:INFY")
            request = OrderRequest(infy, Side.BUY, 10, OrderType.LIMIT, Product.CNC, price=1500.0)
            (margin,) = await broker.margins.of_orders([request])
            assert margin.total_units >= 15_000 * 10_000
            assert margin.charges_units > 0
            basket = await broker.margins.of_basket([request, request])
            assert basket.initial_units >= basket.final_units > margin.total_units
            (call,) = exchange.control("calls", path="/margins/basket")
            assert "true" in str(call.get("query"))

    loop_run(scenario())

"""Fills, cancels and changes that meet on the way, orders from elsewhere, and what a session makes of them: one truth, no second exit."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import EXTERNAL, HAND, Order, OrderChange, OrderStatus, Pending, Product, Purpose, TradingState
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
KEY = "NSE:INFY"
pytestmark = pytest.mark.logs_warnings


def offer(floor: Floor, quantity: int) -> None:
    """Let somebody sell so many at 1490, which buys of ours at that price take."""
    floor.exchange.control("set_depth", symbol=KEY, buy=[[1489.0, 100, 1]], sell=[[1490.0, quantity, 1]])


async def resting(floor: Floor, quantity: int = 10) -> Order:
    """Let a buy rest at 1490, below the market."""
    return await floor.sees(floor.submit(quantity=quantity, price=1490.0), S.OPEN)


def elsewhere(floor: Floor, side: str, quantity: int, **more: Any) -> str:
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": side, "quantity": quantity, "product": "MIS"}
    return str(floor.exchange.control("place_elsewhere", **form, **({"order_type": "MARKET", "market_protection": -1} | more)))


@pytest.mark.parametrize("when", ["before", "after", "with"])
def test_a_partial_fill_and_a_cancel_may_come_in_any_order(loop_run: Any, exchange: RunningExchange, when: str) -> None:
    async def scenario(floor: Floor) -> None:
        order = await resting(floor)
        if when != "before":
            exchange.control("updates", hold=1.0)
        offer(floor, 4)
        if when == "before":
            await floor.sees(order, S.PARTIAL)
        floor.session.cancel(order.id)
        await floor.session.settle()
        if when != "before":
            exchange.control("updates", hold=0.0)
            exchange.control("release_updates", shuffle=when == "with")
        await floor.sees(order, S.CANCELLED)
        await floor.until(lambda: floor.now(order).filled == 4)
        await floor.agrees()
        exchange.control("set_price", symbol=KEY, price=1500.0)
        assert floor.exit(5).status is S.DENIED, "an exit is sized from what has filled"
        await floor.sees(floor.exit(4), S.FILLED)
        await floor.agrees()
        assert floor.truth() == {KEY: 0} or not floor.truth()

    run(loop_run, exchange, scenario)


def test_a_cancel_whose_answer_was_lost_is_read_again_and_not_believed(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = await resting(floor)
        exchange.control("updates", drop=1.0)
        exchange.control("fault", how="drop", path="/orders/*", method="DELETE", when="after")
        floor.session.cancel(order.id)
        await floor.sees(order, S.CANCELLED)
        kinds = floor.store.kinds(order.id)
        assert "CANCEL_FAILED" in kinds or floor.now(order).pending is Pending.NONE
        assert not floor.session.risk.unclear
        assert not len(floor.session.risk.reservations)

    run(loop_run, exchange, scenario)


def test_a_cancel_lost_before_it_came_leaves_the_order_working_and_the_trader_told(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = await resting(floor)
        exchange.control("fault", how="drop", path="/orders/*", method="DELETE", when="before")
        floor.session.cancel(order.id)
        await floor.until(lambda: "CANCEL_FAILED" in floor.store.kinds(order.id))
        await floor.until(lambda: floor.now(order).pending is Pending.NONE)
        assert floor.now(order).status is S.OPEN
        assert floor.alarms
        floor.session.cancel(order.id)
        await floor.sees(order, S.CANCELLED)

    run(loop_run, exchange, scenario)


def test_a_cancel_that_comes_too_late_finds_the_order_filled(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = await resting(floor)
        exchange.control("updates", drop=1.0)
        offer(floor, 10)
        floor.session.cancel(order.id)
        await floor.sees(order, S.FILLED)
        await floor.agrees()
        assert floor.truth() == {KEY: 10}

    run(loop_run, exchange, scenario)


@pytest.mark.parametrize("fate", ["lost before", "lost after", "filled meanwhile"])
def test_a_change_ends_in_what_the_broker_has(loop_run: Any, exchange: RunningExchange, fate: str) -> None:
    async def scenario(floor: Floor) -> None:
        order = await resting(floor)
        if fate == "filled meanwhile":
            exchange.control("updates", drop=1.0)
            offer(floor, 4)
        else:
            exchange.control("fault", how="drop", path="/orders/*", method="PUT", when=fate.split()[1])
        floor.session.modify(order.id, OrderChange(price=1480.0))
        await floor.session.settle()
        await floor.until(lambda: floor.now(order).pending is Pending.NONE)
        price = 1490.0 if fate == "lost before" else 1480.0
        await floor.until(lambda: floor.now(order).price == price)
        if fate == "filled meanwhile":
            await floor.until(lambda: floor.now(order).filled == 4)
            await floor.agrees()
        assert len(floor.posts()) == 1

    run(loop_run, exchange, scenario)


def test_no_second_change_goes_out_before_the_first_is_clear(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = await resting(floor)
        exchange.control("fault", how="delay", seconds=0.2, path="/orders/*", method="PUT", when="before")
        floor.session.modify(order.id, OrderChange(price=1480.0))
        with pytest.raises(Exception, match="wait for its answer"):
            floor.session.modify(order.id, OrderChange(price=1470.0))
        await floor.session.settle()
        await floor.until(lambda: floor.now(order).price == 1480.0)

    run(loop_run, exchange, scenario)


def test_a_square_off_by_the_broker_leaves_nothing_to_be_closed_again(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(stop=1400.0), S.FILLED)
        await floor.agrees()
        await floor.until(lambda: any(o.request.purpose is Purpose.STOP and o.status is S.TRIGGER for o in floor.session.orders.working()))
        exchange.control("square_off")
        await floor.agrees()
        await floor.until(lambda: not floor.session.orders.working())
        assert floor.exit().status is S.DENIED, "what the broker closed is not closed twice"
        exchange.control("set_price", symbol=KEY, price=1390.0)
        await floor.session.compare()
        await floor.agrees()
        assert not any(floor.truth().values()), "the stop did not turn the position round"
        (owned,) = floor.session.positions.open_books(HAND)
        assert (owned.quantity, floor.session.positions.closable(owned)) == (10, 0), "a person decides whose it was"

    run(loop_run, exchange, scenario)


def test_an_order_from_elsewhere_counts_and_is_nobodys(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        elsewhere(floor, "BUY", 7, order_type="LIMIT", price=1490.0, market_protection=0)
        report = await floor.session.compare()
        assert [order.request.owner for order in report.external] == [EXTERNAL]
        assert len(floor.session.risk.reservations) == 1
        offer(floor, 7)
        await floor.agrees()
        assert floor.session.positions.quantity(KEY, Product.MIS) == 7
        assert floor.session.positions.quantity(KEY, Product.MIS, HAND) == 0

    run(loop_run, exchange, scenario)


def test_a_conversion_at_the_broker_is_taken_over_held_against_new_risk_and_acknowledged(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        await floor.agrees()
        form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "position_type": "day", "quantity": 10}
        await floor.broker.rest.write("convert_position", **form, old_product="MIS", new_product="CNC")
        report = await floor.session.compare()
        assert sorted((str(d.product), d.ours, d.theirs) for d in report.differences) == [("CNC", 0, 10), ("MIS", 10, 0)]
        assert report.unacknowledged == (KEY,)
        assert floor.session.risk.state is TradingState.REDUCING
        assert floor.submit().status is S.DENIED
        assert floor.exit().status is S.DENIED, "what lies in another product is not sold in this one"
        assert floor.session.acknowledge(KEY)
        await floor.sees(floor.submit(), S.FILLED)
        assert len(floor.posts()) == 2

    run(loop_run, exchange, scenario)


def test_a_clock_that_is_wrong_by_much_opens_nothing(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        assert abs(floor.broker.skew_s or 9.0) < 2.0
        exchange.control("advance", seconds=40)
        report = await floor.session.compare()
        assert report.skew_s is not None
        assert 35 < report.skew_s < 45
        refused = floor.submit()
        assert refused.status is S.DENIED
        assert "clock" in refused.message

    run(loop_run, exchange, scenario)


@pytest.mark.parametrize("when", ["before", "after"])
def test_slices_of_unknown_fate_are_found_by_their_tag_and_never_sent_again(loop_run: Any, exchange: RunningExchange, when: str) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("set_funds", equity=1e9)
        key = next(i.key for i in floor.broker._catalogue if i.name == "NIFTY" and i.kind == "FUT")
        quantity = 65 * 60
        exchange.control("fault", how="drop", path="/orders/*", method="POST", when=when)
        last = float(exchange.control("quote", symbol=key)["last_price"])
        wanted = floor.request(key, quantity=quantity, product=Product.NRML, reference_price=last, is_sliced=True)
        order = floor.session.submit(wanted)
        await floor.sees(order, S.UNKNOWN, S.FILLED, S.PARTIAL)
        assert floor.session.submit(wanted).status is S.DENIED or when == "after", "no more of it before it is clear"
        if when == "after":
            await floor.sees(order, S.FILLED)
            await floor.agrees()
            assert floor.truth() == {key: quantity}
            assert len(floor.session.orders.incarnations(order.id)) > 1
        posts = [post for post in floor.posts() if post["form"].get("tag") == order.id]
        assert len(posts) == 1

    run(loop_run, exchange, scenario, limits={"cash": 0.0})


def test_what_was_closed_from_elsewhere_is_flattened_no_second_time(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        await floor.agrees()
        elsewhere(floor, "SELL", 10)
        await floor.session.compare()
        await floor.agrees()
        assert not any(floor.truth().values())
        assert floor.exit().status is S.DENIED
        assert all(order.status is S.DENIED for order in floor.session.flatten()), "nor is the other side of it"

    run(loop_run, exchange, scenario)

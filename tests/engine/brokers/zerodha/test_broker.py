"""The broker against the Kite-protocol exchange, over real sockets."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from engine.brokers.base import create_broker
from engine.brokers.zerodha.broker import ZerodhaBroker
from engine.core.errors import AuthenticationError, OrderRejected
from engine.core.lifecycle import new_order_id
from engine.core.model import LinkState, Order, OrderChange, OrderRequest, OrderStatus, OrderType, Product, Side, Validity, Variety
from tests.engine.brokers.zerodha.live import connected, make_broker
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M
_NUMBERS = count()


def make_order(broker: ZerodhaBroker, key: str, side: int = 1, quantity: int = 10, order_type: OrderType = MARKET, **more: Any) -> Order:
    """Make an order that is ready to be sent."""
    instrument = next(i for i in broker._catalogue if i.key == key)
    request = OrderRequest(instrument, Side(side), quantity, order_type, **({"product": Product.MIS} | more))
    tag = new_order_id("L", "hand", 1_000_000 + next(_NUMBERS), b"12345")
    return Order(tag, request, S.SENT, quantity=quantity, price=request.price, trigger_price=request.trigger_price)


def test_connecting_tells_whose_account_it_is_and_what_trades(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            assert ear.links[-1] == (LinkState.LIVE, "")
            assert {i.key for i in await broker.instruments()} >= {"NSE:INFY", "NSE:NIFTY 50", "NSE:M&M"}
            await ear.until(lambda: ear.times)
            assert broker.clock.now_ns() - ear.times[-1] >= 1_000_000_000
            profile = await broker._presence._profile()
            assert (profile.user_id, profile.broker) == (exchange.user_id, "zerodha")
            assert exchange.api_secret not in repr(broker)

    loop_run(scenario())


def test_a_market_order_fills_and_is_told_once_with_its_trades(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            order = make_order(broker, "NSE:INFY", quantity=20)
            number = await broker.place(order)
            update = await ear.sees(order, S.FILLED)
            assert (update.broker_order_id, update.filled) == (number, 20)
            assert sum(fill.quantity for fill in update.fills) == 20
            assert all(u.filled == sum(f.quantity for f in u.fills) for u in ear.updates)
            (position,) = await broker.positions()
            assert (position.instrument.key, position.quantity, position.product) == ("NSE:INFY", 20, Product.MIS)
            (row,) = exchange.control("orders")
            assert row["tag"] == order.id

    loop_run(scenario())


def test_an_order_is_changed_and_cancelled(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            order = make_order(broker, "NSE:INFY", order_type=LIMIT, price=1400.0)
            await broker.place(order)
            await ear.sees(order, S.OPEN)
            await broker.modify(order, OrderChange(price=1410.0, quantity=12))
            await ear.until(lambda: (u := ear.latest(order)) is not None and u.price == 1410.0 and u.quantity == 12)
            await broker.cancel(order)
            assert (await ear.sees(order, S.CANCELLED)).filled == 0
            with pytest.raises(OrderRejected):
                await broker.cancel(order)

    loop_run(scenario())


def test_stops_wait_for_their_trigger(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            stop = make_order(broker, "NSE:INFY", -1, order_type=SL_M, trigger_price=1490.0)
            limited = make_order(broker, "NSE:INFY", -1, order_type=SL, trigger_price=1485.0, price=1480.0)
            await broker.place(stop)
            await broker.place(limited)
            await ear.sees(stop, S.TRIGGER)
            await ear.sees(limited, S.TRIGGER)
            exchange.control("set_price", symbol="NSE:INFY", price=1484.0)
            await ear.sees(stop, S.FILLED)
            await ear.sees(limited, S.FILLED)

    loop_run(scenario())


@pytest.mark.parametrize("shape", ["parent", "flat"])
def test_more_than_the_freeze_quantity_is_sent_in_slices_and_is_one_order(loop_run: Any, exchange: RunningExchange, shape: str) -> None:
    exchange.control("configure", autoslice_shape=shape)
    exchange.control("set_funds", equity=1e9)

    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            key = next(i.key for i in broker._catalogue if i.name == "NIFTY" and i.kind == "FUT")
            order = make_order(broker, key, quantity=65 * 60, product=Product.NRML, is_sliced=True)
            await broker.place(order)
            update = await ear.sees(order, S.FILLED)
            assert (update.quantity, update.filled, len({f.trade_id for f in update.fills})) == (3900, 3900, 3)
            resting = make_order(broker, key, quantity=65 * 60, order_type=LIMIT, price=24_000.0, product=Product.NRML, is_sliced=True)
            await broker.place(resting)
            await ear.sees(resting, S.OPEN)
            with pytest.raises(OrderRejected, match="several slices"):
                await broker.modify(resting, OrderChange(quantity=65 * 50))
            await broker.modify(resting, OrderChange(price=24_010.0))
            working = [row for row in exchange.control("orders") if row["status"] == "OPEN"]
            assert [row["price"] for row in working] == [24_010.0] * 3
            await broker.cancel(resting)
            assert (await ear.sees(resting, S.CANCELLED)).filled == 0

    loop_run(scenario())


def test_an_iceberg_goes_leg_by_leg(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            order = make_order(broker, "NSE:INFY", quantity=30, order_type=LIMIT, price=1500.5, variety=Variety.ICEBERG, iceberg_legs=3)
            await broker.place(order)
            update = await ear.sees(order, S.FILLED)
            assert (update.quantity, update.filled) == (30, 30)

    loop_run(scenario())


def test_an_after_market_order_waits_for_the_open(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            kept = make_order(broker, "NSE:INFY", order_type=LIMIT, price=1500.5, variety=Variety.AMO)
            dropped = make_order(broker, "NSE:INFY", order_type=LIMIT, price=1500.5, variety=Variety.AMO)
            await broker.place(kept)
            await broker.place(dropped)
            await ear.sees(kept, S.OPEN)
            await broker.cancel(dropped)
            await ear.sees(dropped, S.CANCELLED)
            exchange.control("open_market")
            await ear.sees(kept, S.FILLED)

    loop_run(scenario())


def test_what_cannot_fill_at_once_is_cancelled_when_it_may_not_wait(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            at_once = make_order(broker, "NSE:INFY", order_type=LIMIT, price=1400.0, validity=Validity.IOC)
            await broker.place(at_once)
            await ear.sees(at_once, S.CANCELLED)
            minutes = make_order(broker, "NSE:INFY", order_type=LIMIT, price=1400.0, validity=Validity.TTL, validity_minutes=1)
            await broker.place(minutes)
            await ear.sees(minutes, S.OPEN)
            exchange.control("advance", seconds=61)
            await ear.sees(minutes, S.CANCELLED)

    loop_run(scenario())


@pytest.mark.parametrize("product", [Product.CNC, Product.MIS, Product.MTF])
def test_shares_in_every_product(loop_run: Any, exchange: RunningExchange, product: Product) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            order = make_order(broker, "NSE:TCS", product=product)
            await broker.place(order)
            await ear.sees(order, S.FILLED)
            assert [p.product for p in await broker.positions()] == [product]

    loop_run(scenario())


def test_an_order_from_elsewhere_is_told_with_what_it_asks(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (_, ear):
            form = {"exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "SELL", "quantity": 3, "product": "MIS"}
            number = exchange.control("place_elsewhere", **form, order_type="LIMIT", price=960.0)
            exchange.control("cancel_elsewhere", order_id=number)
            await ear.until(lambda: ear.updates)
            update = ear.updates[-1]
            assert update.broker_order_id == number
            assert update.request is not None
            assert (update.request.instrument.key, update.request.side, update.request.quantity) == ("NSE:SBIN", Side.SELL, 3)

    loop_run(scenario())


def test_what_is_known_to_be_wrong_never_leaves(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, _):
            off_grid = make_order(broker, "NSE:INFY", order_type=LIMIT, price=1500.03)
            with pytest.raises(OrderRejected, match="steps of"):
                await broker.place(off_grid)
            gone = Order("L" + "0" * 19, OrderRequest(off_grid.instrument.__class__(off_grid.instrument.exchange, "GONE", 1), Side.BUY, 1))
            with pytest.raises(OrderRejected, match="not in today's list"):
                await broker.place(gone)
            assert exchange.control("calls", path="/orders/", method="POST") == []

    loop_run(scenario())


def test_quotes_holdings_and_funds(loop_run: Any, exchange: RunningExchange) -> None:
    exchange.control("set_holding", symbol="NSE:TCS", quantity=7, price=3000.0, t1=2)

    async def scenario() -> None:
        async with connected(exchange) as (broker, _):
            wanted = [i for i in broker._catalogue if i.key in ("NSE:INFY", "NSE:NIFTY 50", "NSE:M&M")]
            quotes = {quote.instrument.key: quote for quote in await broker.quote(wanted)}
            assert quotes.keys() == {"NSE:INFY", "NSE:NIFTY 50", "NSE:M&M"}
            assert quotes["NSE:INFY"].last_price == 1500.0
            assert quotes["NSE:INFY"].bid < quotes["NSE:INFY"].ask
            (holding,) = await broker.holdings()
            assert (holding.instrument.key, holding.quantity) == ("NSE:TCS", 9)
            assert (await broker.funds()).available_units > 0

    loop_run(scenario())


def test_ticks_come_with_the_token_that_the_session_knows(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            infy = next(i for i in broker._catalogue if i.key == "NSE:INFY")
            yesterdays = infy.__class__(infy.exchange, infy.symbol, 77)
            tcs = next(i for i in broker._catalogue if i.key == "NSE:TCS")
            await broker.subscribe([yesterdays, tcs])
            assert exchange.control("wait_for", sockets=1, tokens=2)
            exchange.control("set_prices", prices={"NSE:INFY": 1501.0, "NSE:TCS": 3101.0})
            await ear.until(lambda: ear.last_price.get(77) == 1501.0 and ear.last_price.get(tcs.token) == 3101.0)
            exchange.control("close_sockets", abruptly=True)
            await ear.until(lambda: ear.gaps)
            assert sorted(ear.gaps[0][0]) == sorted([77, tcs.token])
            await broker.unsubscribe([yesterdays])
            assert list(broker.feed.subscribed) == [tcs.token]

    loop_run(scenario())


def test_without_a_session_one_is_told_to_log_in(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange, logged_in=False):
            pass

    with pytest.raises(AuthenticationError, match="shikra login"):
        loop_run(scenario())


def test_it_is_made_by_name(exchange: RunningExchange) -> None:
    made = create_broker("zerodha", "KEY", "SECRET")
    assert isinstance(made, ZerodhaBroker)
    assert made.capabilities.is_live
    first = make_broker(exchange)
    assert first.rest.limiter is make_broker(exchange).rest.limiter
    assert first.rest.limiter is not made.rest.limiter

"""What every broker must do, so that a session need not know which one it trades with. A new broker is one more `Bench` here."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from engine.brokers.base import Broker, Profile
from engine.brokers.paper import PaperBroker
from engine.brokers.simulated import SimulatedBroker
from engine.brokers.zerodha.limiter import Limiters
from engine.core.errors import AuthenticationError, BrokerError, HistoryMissing, OrderRejected
from engine.core.lifecycle import new_order_id
from engine.core.model import (
    Exchange,
    Instrument,
    LinkState,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    Product,
    Side,
    Validity,
)
from tests.engine.brokers.zerodha.live import Ear, make_broker
from tests.kite_exchange.process import RunningExchange, start_exchange

S = OrderStatus
LIMIT, MARKET, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL_M
OPTIONS = {"rate_limits": False, "now": "2026-11-23 10:00:00"}
DAY_NS = 86_400 * 10**9
_NUMBERS = count()


class Bench(ABC):
    """A kind of broker, ready to be held to the rules."""

    def __init__(self, exchange: RunningExchange) -> None:
        self.exchange = exchange

    @abstractmethod
    def make(self) -> Broker:
        """Make a broker of this kind; nothing is opened yet."""

    def move(self) -> None:  # noqa: B027  # a market of its own needs no help
        """Let INFY trade, where it does not do so by itself."""


class Simulated(Bench):
    """The generated market."""

    def make(self) -> Broker:
        return SimulatedBroker(speed=20)


class Zerodha(Bench):
    """Zerodha's broker at the Kite-protocol exchange."""

    prices = count(15_001)

    def make(self) -> Broker:
        return make_broker(self.exchange)

    def move(self) -> None:
        self.exchange.control("set_price", symbol="NSE:INFY", price=next(self.prices) / 10)


class Paper(Zerodha):
    """Paper over Zerodha's quotes."""

    def make(self) -> Broker:
        over = make_broker(self.exchange)
        return PaperBroker(over, wall=over.clock)


@pytest.fixture(scope="module")
def _running() -> Iterator[RunningExchange]:
    with start_exchange(**OPTIONS) as exchange:
        yield exchange


@pytest.fixture(params=[Simulated, Paper, Zerodha], ids=lambda kind: kind.__name__.lower())
def bench(request: pytest.FixtureRequest, _running: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("engine.brokers.zerodha.broker._LIMITERS", Limiters())
    _running.reset(**OPTIONS)
    made: Bench = request.param(_running)
    return made


class Desk:
    """A connected broker, and who hears it."""

    def __init__(self, broker: Broker, profile: Profile, ear: Ear, infy: Instrument, price: float) -> None:
        self.broker, self.profile, self.ear, self.infy, self.price = broker, profile, ear, infy, price

    def at(self, percent: float) -> float:
        """Return a price on the grid, that far from the last one."""
        tick = float(self.infy.tick_size)
        return round(round(self.price * (1 + percent / 100) / tick) * tick, 2)

    def order(self, side: int = 1, quantity: int = 5, order_type: OrderType = MARKET, **more: Any) -> Order:
        """Make an order that is ready to be sent."""
        instrument = more.pop("instrument", self.infy)
        request = OrderRequest(instrument, Side(side), quantity, order_type, **({"product": Product.MIS} | more))
        tag = new_order_id("L", "hand", 2_000_000 + next(_NUMBERS), b"abcde")
        return Order(tag, request, S.SENT, quantity=quantity, price=request.price, trigger_price=request.trigger_price)

    async def placed(self, order: Order, *statuses: OrderStatus) -> Order:
        """Place an order, wait for a status, and return it with its number."""
        number = await self.broker.place(order)
        await self.ear.sees(order, *statuses)
        return replace(order, broker_order_id=number)


@contextlib.asynccontextmanager
async def desk_of(bench: Bench) -> AsyncIterator[Desk]:
    """Connect a broker, watch INFY until it trades, and close it all when the block ends."""
    broker, ear = bench.make(), Ear()
    broker.attach(ear)
    try:
        profile = await broker.connect()
        infy = next(i for i in await broker.instruments() if i.key == "NSE:INFY")
        await broker.subscribe([infy])
        await broker.start_market()
        bench.move()
        await ear.until(lambda: infy.token in ear.last_price)
        yield Desk(broker, profile, ear, infy, ear.last_price[infy.token])
    finally:
        await broker.close()


def run(loop_run: Any, bench: Bench, scenario: Any) -> None:
    async def whole() -> None:
        async with desk_of(bench) as desk:
            await scenario(desk)

    loop_run(whole())


def test_it_says_whose_account_it_is_and_that_it_is_there(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        assert desk.profile.user_id
        assert desk.profile.broker
        assert LinkState.LIVE in [state for state, _ in desk.ear.links]

    run(loop_run, bench, scenario)


def test_it_lists_what_trades_each_once(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        listed = await desk.broker.instruments()
        assert len({i.key for i in listed}) == len(listed)
        assert len({i.token for i in listed}) == len(listed)
        assert all(i.tick_size > 0 and i.lot_size > 0 for i in listed)

    run(loop_run, bench, scenario)


def test_a_market_order_fills_and_every_list_says_so(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        order = await desk.placed(desk.order(), S.FILLED)
        told = desk.ear.latest(order)
        assert told is not None
        assert (told.filled, told.broker_order_id) == (5, order.broker_order_id)
        fills = {fill.trade_id: fill for update in desk.ear.updates if update.tag == order.id for fill in update.fills}
        assert sum(fill.quantity for fill in fills.values()) == 5
        listed = [update for update in await desk.broker.orders() if update.tag == order.id]
        assert [(u.status, u.filled, u.is_snapshot) for u in listed] == [(S.FILLED, 5, True)]
        assert {fill.trade_id: (fill.quantity, fill.price) for fill in listed[0].fills} == {
            i: (f.quantity, f.price) for i, f in fills.items()
        }
        assert listed[0].request is not None
        assert listed[0].request.instrument.key == "NSE:INFY"
        assert list(await desk.broker.orders()) == list(await desk.broker.orders())
        (position,) = [p for p in await desk.broker.positions() if p.quantity]
        assert (position.instrument.key, position.quantity, position.product) == ("NSE:INFY", 5, Product.MIS)
        await desk.placed(desk.order(-1), S.FILLED)
        assert [p for p in await desk.broker.positions() if p.quantity] == []

    run(loop_run, bench, scenario)


def test_a_limit_rests_is_changed_and_is_cancelled(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        order = await desk.placed(desk.order(order_type=LIMIT, price=desk.at(-5)), S.OPEN)
        await desk.broker.modify(order, OrderChange(price=desk.at(-4), quantity=7))
        await desk.ear.until(lambda: (u := desk.ear.latest(order)) is not None and (u.price, u.quantity) == (desk.at(-4), 7))
        assert [u.status for u in await desk.broker.orders() if u.tag == order.id] == [S.OPEN]
        await desk.broker.cancel(order)
        assert (await desk.ear.sees(order, S.CANCELLED)).filled == 0
        with pytest.raises(OrderRejected):
            await desk.broker.cancel(order)
        with pytest.raises(OrderRejected):
            await desk.broker.modify(order, OrderChange(price=desk.at(-3)))

    run(loop_run, bench, scenario)


def test_a_stop_waits_for_its_trigger(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        order = await desk.placed(desk.order(-1, order_type=SL_M, trigger_price=desk.at(-5)), S.TRIGGER)
        await desk.broker.modify(order, OrderChange(trigger_price=desk.at(-6)))
        await desk.ear.until(lambda: (u := desk.ear.latest(order)) is not None and u.trigger_price == desk.at(-6))
        await desk.broker.cancel(order)
        await desk.ear.sees(order, S.CANCELLED)

    run(loop_run, bench, scenario)


def test_what_may_not_wait_does_not(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        order = await desk.placed(desk.order(order_type=LIMIT, price=desk.at(-5), validity=Validity.IOC), S.CANCELLED)
        told = desk.ear.latest(order)
        assert told is not None
        assert told.filled == 0

    run(loop_run, bench, scenario)


def test_nonsense_is_refused_with_a_reason(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        index = next(i for i in await desk.broker.instruments() if not i.is_tradable)
        for order in (desk.order(quantity=0), desk.order(instrument=index), desk.order(order_type=LIMIT), desk.order(order_type=SL_M)):
            with pytest.raises(OrderRejected, match="Expected"):
                await desk.broker.place(order)
        off_grid = desk.order(order_type=LIMIT, price=desk.at(-1) + float(desk.infy.tick_size) / 3)
        with contextlib.suppress(OrderRejected):
            await desk.placed(off_grid, S.REJECTED)
        assert all(update.status is not S.OPEN and not update.filled for update in desk.ear.updates)

    run(loop_run, bench, scenario)


def test_quotes_are_told_and_what_is_not_known_is_left_out(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        unknown = replace(desk.infy, symbol="NOSUCHTHING", token=1)
        (quote,) = await desk.broker.quote([desk.infy, unknown])
        assert quote.instrument.key == "NSE:INFY"
        assert 0 < quote.bid < quote.ask
        assert quote.bids[0] == (quote.bid, quote.bid_quantity)
        assert quote.last_price == pytest.approx(desk.price, rel=0.05)

    run(loop_run, bench, scenario)


def test_no_ticks_come_of_what_is_not_watched(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        tcs = next(i for i in await desk.broker.instruments() if i.key == "NSE:TCS")
        assert set(desk.ear.last_price) == {desk.infy.token}
        await desk.broker.subscribe([tcs])
        await desk.broker.unsubscribe([desk.infy])
        ticks = desk.ear.ticks
        if isinstance(bench, Zerodha):
            bench.exchange.control("set_price", symbol="NSE:TCS", price=3105.0)
        await desk.ear.until(lambda: tcs.token in desk.ear.last_price and desk.ear.ticks > ticks)

    run(loop_run, bench, scenario)


def test_history_has_closed_bars_in_order_and_says_when_there_are_none(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        now_ns = desk.broker.clock.now_ns()
        if not desk.broker.capabilities.has_history:
            return
        rows = await desk.broker.history(desk.infy, 300, now_ns - 10 * DAY_NS, now_ns)
        assert len(rows) > 75
        assert (np.diff(rows["time_ns"]) > 0).all()
        assert rows["time_ns"][-1] + 300 * 10**9 <= desk.broker.clock.now_ns()
        assert (rows["high"] >= rows["low"]).all()
        with pytest.raises(HistoryMissing):
            await desk.broker.history(desk.infy, 300, now_ns + DAY_NS, now_ns + 2 * DAY_NS)

    run(loop_run, bench, scenario)


def test_time_goes_on(loop_run: Any, bench: Bench) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.ear.until(lambda: len(desk.ear.times) > 2)
        assert desk.ear.times == sorted(desk.ear.times)
        assert desk.ear.times[-1] <= desk.broker.clock.now_ns()

    run(loop_run, bench, scenario)


def test_two_at_once_do_not_hear_each_other(loop_run: Any, bench: Bench) -> None:
    if isinstance(bench, Zerodha) and not isinstance(bench, Paper):
        other: Bench = Simulated(bench.exchange)  # two of one account would hear each other, and should
    else:
        other = type(bench)(bench.exchange)

    async def scenario(desk: Desk) -> None:
        async with desk_of(other) as second:
            order = await desk.placed(desk.order(), S.FILLED)
            theirs = await second.placed(second.order(quantity=3), S.FILLED)
            assert {u.tag for u in desk.ear.updates} == {order.id}
            assert {u.tag for u in second.ear.updates} == {theirs.id}
            assert [p.quantity for p in await second.broker.positions()] == [3]

    run(loop_run, bench, scenario)


def test_nothing_is_placed_without_a_session(loop_run: Any, bench: Bench) -> None:
    async def scenario() -> None:
        broker = bench.make()
        broker.attach(Ear())
        request = OrderRequest(Instrument(Exchange.NSE, "INFY", 408065), Side.BUY, 1)
        with pytest.raises((AuthenticationError, BrokerError)):
            await broker.place(Order("L" + "0" * 19, request))
        await broker.close()

    loop_run(scenario())


def test_closing_twice_does_no_harm_and_ends_the_wait(loop_run: Any, bench: Bench) -> None:
    async def scenario() -> None:
        async with desk_of(bench) as desk:
            await desk.broker.close()
        assert all(not task.get_name().startswith("kite") for task in asyncio.all_tasks())

    loop_run(scenario())

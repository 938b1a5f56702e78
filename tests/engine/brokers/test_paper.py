"""Trading on paper: fills against another broker's quotes, and not one order that reaches it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.base import Broker, Capabilities, Profile, create_broker
from engine.brokers.paper import PaperBroker
from engine.brokers.simulated import SimulatedBroker
from engine.clock import ManualClock
from engine.core.bars import SECOND_NS
from engine.core.errors import AuthenticationError, ConnectionLost
from engine.core.model import Instrument, InstrumentKind, LinkState, Order, OrderStatus, OrderUpdate, Quote, Side
from engine.core.records import MODE_FULL, MODE_LTP, MODE_QUOTE, TICK, Rows
from tests.engine.brokers.sessions import LIMIT, RELIANCE, SL_M, TCS, FakeSession, bars_of

BUY, SELL = Side.BUY, Side.SELL
Run = Callable[[Coroutine[Any, Any, Any]], Any]
ELEVEN = int(datetime(2025, 10, 28, 5, 30, tzinfo=UTC).timestamp()) * SECOND_NS


class LiveBroker(Broker):
    """A broker with real money: any order that reaches it fails the test."""

    capabilities = Capabilities(is_live=True, has_history=True, has_market_protection=True)

    def __init__(self, now_ns: int = ELEVEN) -> None:
        super().__init__()
        self.clock = ManualClock(now_ns)
        self.subscribed: list[str] = []
        self.quotes: list[Quote] = []
        self.is_lost = False
        self.calls: list[str] = []

    def interactive_login(self) -> None:
        self.calls.append("login")

    async def connect(self) -> Profile:
        self.calls.append("connect")
        self.sink.on_link(LinkState.LIVE, "")
        return Profile("AB1234", "A Trader", "live")

    async def start_market(self) -> None:
        self.calls.append("start")

    async def wait_until_done(self) -> None:
        self.calls.append("wait")

    async def close(self) -> None:
        self.calls.append("close")

    async def instruments(self) -> Sequence[Instrument]:
        return [RELIANCE, TCS]

    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        self.subscribed += [instrument.symbol for instrument in instruments]

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        for instrument in instruments:
            self.subscribed.remove(instrument.symbol)

    async def place(self, order: Order) -> str:
        raise AssertionError

    async def modify(self, order: Order, change: Any) -> None:
        raise AssertionError

    async def cancel(self, order: Order) -> None:
        raise AssertionError

    async def orders(self) -> Sequence[OrderUpdate]:
        raise AssertionError

    async def positions(self) -> Sequence[Any]:
        raise AssertionError

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        if self.is_lost:
            raise ConnectionLost("no route to the broker")
        return [quote for quote in self.quotes if quote.instrument in instruments]

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        return bars_of((1.0, 2.0, 0.5, 1.5))


def frame(
    *ticks: tuple[Instrument, float], volume: int = 0, mode: int = MODE_FULL, size: int = 50, bid: float = 0.0, ask: float = 0.0
) -> Rows:
    """Make a frame of (instrument, last price), with one level of depth around it."""
    made = np.zeros(len(ticks), dtype=TICK)
    for row, (instrument, last) in zip(made, ticks, strict=True):
        row.instrument_token, row.last_price, row.volume, row.mode = instrument.token, last, volume, mode
        if mode == MODE_FULL:
            row.depth[0, 0] = (size, bid or last - 0.05, 1)
            row.depth[1, 0] = (size, ask or last + 0.05, 1)
    return made


def paper_over(live: LiveBroker, **options: Any) -> FakeSession:
    return FakeSession(PaperBroker(live, tariff=options.pop("tariff", "none"), **options))


async def turn() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def open_on(session: FakeSession, *watched: Instrument) -> LiveBroker:
    over: Any = session.broker.over  # type: ignore[attr-defined]
    await session.broker.connect()
    await session.broker.subscribe(watched or [RELIANCE])
    return over  # type: ignore[no-any-return]


def prices(session: FakeSession) -> list[tuple[float, int]]:
    return [(fill.price, fill.quantity) for _, fill in session.fills()]


def test_a_market_order_takes_the_other_brokers_depth_and_waits_for_more(loop_run: Run) -> None:
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0), size=30))
        session.place(BUY, 50)
        await session.settle()
        await turn()
        assert prices(session) == [(100.05, 30)]
        live.sink.on_ticks(frame((RELIANCE, 100.2), size=40))
        await turn()
        await session.broker.close()

    loop_run(run())
    assert prices(session) == [(100.05, 30), (100.25, 20)]
    assert len(session.frames) == 2


def test_without_a_limit_on_depth_the_rest_fills_at_the_worst_of_it(loop_run: Run) -> None:
    session = paper_over(LiveBroker(), limited=False)

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0), size=30))
        session.place(BUY, 50)
        await session.settle()
        await turn()

    loop_run(run())
    assert prices(session) == [(100.05, 30), (100.05, 20)]


@pytest.mark.parametrize("mode", [MODE_LTP, MODE_QUOTE])
def test_a_feed_without_depth_fills_at_the_last_price(loop_run: Run, mode: int) -> None:
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0), mode=mode))
        session.place(BUY, 50)
        session.place(SELL, 50, order_type=SL_M, trigger_price=99.0)
        await session.settle()
        live.sink.on_ticks(frame((RELIANCE, 98.5), mode=mode, volume=1000))
        await turn()

    loop_run(run())
    assert prices(session) == [(100.0, 50), (98.5, 50)]


def test_a_limit_rests_until_the_market_comes_to_it(loop_run: Run) -> None:
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0)))
        session.place(BUY, 10, order_type=LIMIT, price=99.0)
        await session.settle()
        for last in (99.5, 99.0, 98.9):
            live.sink.on_ticks(frame((RELIANCE, last)))
            await turn()
            session.heard.append(f"{last}")

    loop_run(run())
    assert prices(session) == [(99.0, 10)]
    assert session.heard.index("FILLED 10") == session.heard.index("98.9") - 1


def test_modify_and_cancel_stay_on_paper(loop_run: Run) -> None:
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0)))
        order = session.place(BUY, 10, order_type=LIMIT, price=99.0)
        await session.settle()
        session.modify(order, price=99.5)
        await session.settle()
        session.cancel(order)
        await session.settle()
        await turn()

    loop_run(run())
    assert [update.status for update in session.updates] == [OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.CANCELLED]
    assert session.updates[1].price == 99.5
    assert session.errors == []


def test_an_order_in_something_unwatched_asks_for_its_quote_and_keeps_its_ticks_from_the_session(loop_run: Run) -> None:
    live = LiveBroker()
    live.quotes = [Quote(TCS, last_price=200.0, bids=((199.5, 10),), asks=((200.5, 10),))]
    session = paper_over(live)

    async def run() -> None:
        await open_on(session)
        session.place(BUY, 15, instrument=TCS)
        await session.settle()
        live.sink.on_ticks(frame((RELIANCE, 100.0), (TCS, 201.0)))
        await turn()
        await session.broker.subscribe([TCS])
        live.sink.on_ticks(frame((TCS, 202.0)))

    loop_run(run())
    assert prices(session) == [(200.5, 10), (201.05, 5)]
    assert [list(made["instrument_token"]) for made in session.frames] == [[RELIANCE.token], [TCS.token]]
    assert live.subscribed == ["RELIANCE", "TCS", "TCS"]


def test_an_order_whose_quote_cannot_be_had_was_not_placed(loop_run: Run) -> None:
    live = LiveBroker()
    live.is_lost = True
    session = paper_over(live)

    async def run() -> Any:
        await open_on(session)
        with pytest.raises(ConnectionLost):
            await session.broker.place(session.order(BUY, 1))
        return await session.broker.orders()

    assert loop_run(run()) == []


def test_what_has_orders_is_listened_to_though_unsubscribed(loop_run: Run) -> None:
    session = paper_over(LiveBroker())

    async def run() -> list[str]:
        live = await open_on(session, RELIANCE, TCS)
        live.sink.on_ticks(frame((RELIANCE, 100.0), (TCS, 200.0)))
        session.place(BUY, 10, order_type=LIMIT, price=99.0)
        await session.settle()
        await session.broker.unsubscribe([RELIANCE, TCS])
        live.sink.on_ticks(frame((RELIANCE, 98.0)))
        await turn()
        return live.subscribed

    assert loop_run(run()) == ["RELIANCE"]
    assert prices(session) == [(99.0, 10)]
    assert len(session.frames) == 1


@pytest.mark.parametrize("last", [math.nan, 0.0, -5.0, 1.0, math.inf])
def test_one_bad_tick_pulls_no_trigger(loop_run: Run, last: float) -> None:
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0)))
        session.place(SELL, 10, order_type=SL_M, trigger_price=95.0)
        await session.settle()
        bad = frame((RELIANCE, last), bid=last, ask=last)
        live.sink.on_ticks(bad)
        live.sink.on_ticks(frame((RELIANCE, 100.1)))
        await turn()

    loop_run(run())
    assert prices(session) == []


def test_a_bad_quote_fills_no_first_order(loop_run: Run) -> None:
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, math.nan), bid=math.nan, ask=math.nan))
        session.place(BUY, 10)
        await session.settle()
        await turn()
        assert prices(session) == []
        live.sink.on_ticks(frame((RELIANCE, 100.0)))
        await turn()

    loop_run(run())
    assert prices(session) == [(100.05, 10)]


def test_a_closed_market_takes_no_orders_and_its_close_ends_those_of_the_day(loop_run: Run) -> None:
    live = LiveBroker()
    session = paper_over(live)

    async def run() -> None:
        await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0)))
        session.place(BUY, 10, order_type=LIMIT, price=99.0)
        await session.settle()
        live.clock.advance(3600)
        live.sink.on_time(live.clock.now_ns())
        await turn()
        assert session.updates[-1].status is OrderStatus.OPEN
        live.clock.advance(3.6 * 3600)
        live.sink.on_time(live.clock.now_ns())
        session.place(BUY, 10)
        await session.settle()
        await turn()

    loop_run(run())
    assert [update.status for update in session.updates] == [OrderStatus.OPEN, OrderStatus.EXPIRED, OrderStatus.REJECTED]
    assert "place the order when it trades" in session.updates[-1].message


def test_book_and_positions_are_there_again_and_yesterdays_orders_are_not(loop_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"

    async def first(session: FakeSession) -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 100.0)))
        session.place(BUY, 10)
        session.place(SELL, 10, order_type=LIMIT, price=110.0)
        await session.settle()
        await turn()
        await session.broker.close()

    async def again(session: FakeSession) -> tuple[Any, Any]:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, 105.0)))
        await turn()
        found = [(order.status, order.filled) for order in await session.broker.orders()], await session.broker.positions()
        await session.broker.close()
        return found

    loop_run(first(paper_over(LiveBroker(), file=path, tariff="zerodha")))
    orders, positions = loop_run(again(paper_over(LiveBroker(), file=path)))
    assert orders == [(OrderStatus.FILLED, 10), (OrderStatus.OPEN, 0)]
    assert [(p.quantity, p.bought) for p in positions] == [(10, 10)]
    assert positions[0].charges_units > 0
    orders, _ = loop_run(again(paper_over(LiveBroker(ELEVEN + 24 * 3600 * SECOND_NS), file=path)))
    assert orders == [(OrderStatus.FILLED, 10), (OrderStatus.EXPIRED, 0)]


def test_a_resting_order_of_before_fills_when_the_market_is_heard_again(loop_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "paper.sqlite"

    async def play(session: FakeSession, last: float, price: float | None) -> None:
        live = await open_on(session)
        live.sink.on_ticks(frame((RELIANCE, last)))
        if price is not None:
            session.place(BUY, 10, order_type=LIMIT, price=price)
            await session.settle()
        await turn()
        await session.broker.close()

    loop_run(play(paper_over(LiveBroker(), file=path), 100.0, 99.0))
    again = paper_over(LiveBroker(), file=path)
    loop_run(play(again, 98.0, None))
    assert prices(again) == [(99.0, 10)]


def test_everything_else_is_the_other_brokers(loop_run: Run) -> None:
    live = LiveBroker()
    live.quotes = [Quote(RELIANCE, last_price=100.0)]
    session = paper_over(live)
    broker = session.broker

    async def run() -> None:
        broker.interactive_login()
        profile = await broker.connect()
        await broker.start_market()
        await broker.wait_until_done()
        assert (profile.user_id, profile.broker) == ("AB1234", "paper over live")
        assert await broker.instruments() == [RELIANCE, TCS]
        assert await broker.quote([RELIANCE]) == live.quotes
        assert len(await broker.history(RELIANCE, 60, 0, 1)) == 1
        live.sink.on_order_update(OrderUpdate("1", "", OrderStatus.FILLED, 1))
        await broker.close()

    loop_run(run())
    assert live.calls == ["login", "connect", "start", "wait", "close"]
    assert (session.links, session.updates) == ([LinkState.LIVE], [])
    assert broker.clock is live.clock
    assert (broker.capabilities.is_live, broker.capabilities.has_history, broker.capabilities.has_market_protection) == (False, True, False)
    assert (broker.is_warming_up, broker.resumed_until_ns, broker.progress) == (False, 0, 0.0)


def test_paper_over_a_replay_of_bars_trades_on_its_ticks_and_waits_for_the_session(loop_run: Run) -> None:
    bars = bars_of(*[(100.0 + i, 101.5 + i, 99.5 + i, 101.0 + i) for i in range(5)])
    session = FakeSession(PaperBroker(SimulatedBroker(replay={RELIANCE: bars}), tariff="none"))
    placed: list[Order] = []

    def once(time_ns: int) -> None:
        if len(session.frames) == 2 and not placed:
            placed.append(session.place(BUY, 10))

    session.on_time_do = once
    loop_run(session.run(RELIANCE))
    assert prices(session) == [(102.0, 10)]
    assert session.broker.capabilities.is_replay


def test_given_only_keys_it_trades_a_generated_market() -> None:
    broker = create_broker("paper", "key", "secret")
    assert isinstance(broker, PaperBroker)
    assert isinstance(broker.over, SimulatedBroker)
    with pytest.raises(AuthenticationError, match="connect first"):
        _ = broker.exchange


def test_an_index_is_no_place_for_orders(loop_run: Run) -> None:
    index = Instrument(RELIANCE.exchange, "NIFTY 50", 256265, kind=InstrumentKind.INDEX)
    session = paper_over(LiveBroker())

    async def run() -> None:
        live = await open_on(session, index)
        live.sink.on_ticks(frame((index, 25_000.0), mode=MODE_LTP))

    loop_run(run())
    assert len(session.frames) == 1

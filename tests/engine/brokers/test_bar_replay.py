"""A replay of bars through the simulated broker: fills, their order, what the session hears and when."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine.brokers.base import create_broker
from engine.brokers.simulated import SimulatedBroker
from engine.clock import ManualClock
from engine.core.errors import AuthenticationError, HistoryMissing, InvalidOption, OrderRejected
from engine.core.friction import Friction
from engine.core.model import LinkState, OrderStatus, Pending, Product, Side, Validity
from tests.engine.brokers.sessions import LIMIT, RELIANCE, SL, SL_M, TCS, FakeSession, bars_of, minute

BUY, SELL = Side.BUY, Side.SELL
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def replay(*prices: tuple[float, float, float, float], **options: Any) -> FakeSession:
    return FakeSession(SimulatedBroker(replay={RELIANCE: bars_of(*prices)}, tariff="none", **options))


def at(session: FakeSession, number: int, do: Callable[[], object]) -> None:
    """Do something when the session hears of that minute."""
    before = session.on_time_do

    def on_time(time_ns: int) -> None:
        before(time_ns)
        if time_ns == minute(number):
            do()

    session.on_time_do = on_time


def on_fill(session: FakeSession, do: Callable[[], object]) -> None:
    """Do something once, at the first fill."""
    done: list[int] = []

    def on_update(update: Any) -> None:
        if update.fills and not done:
            done.append(1)
            do()

    session.on_update_do = on_update


FLAT = (100.0, 101.0, 99.0, 100.0)


def test_a_market_order_fills_at_the_next_open_at_the_time_of_that_bar(loop_run: Run) -> None:
    session = replay(FLAT, (102.0, 103.0, 101.0, 102.5), FLAT)
    at(session, 1, lambda: session.place(BUY, 10))
    loop_run(session.run())
    ((tag, fill),) = session.fills()
    assert (fill.price, fill.quantity, fill.time_ns) == (102.0, 10, minute(1))
    assert session.statuses(session.orders[tag]) == [OrderStatus.OPEN, OrderStatus.FILLED]


def test_an_order_placed_before_the_first_bar_fills_at_its_open(loop_run: Run) -> None:
    session = replay(FLAT)
    at(session, 0, lambda: session.place(BUY, 1))
    loop_run(session.run())
    assert [fill.time_ns for _, fill in session.fills()] == [minute(0)]


def test_the_session_hears_open_then_range_then_ticks_then_the_time(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 105.0, 95.0, 100.0))
    at(session, 1, lambda: (session.place(BUY, 1), session.place(SELL, 1, order_type=LIMIT, price=104.0)))
    loop_run(session.run())
    expected = ["time 0", "ticks", "time 1", "OPEN 0", "OPEN 0", "FILLED 1", "FILLED 1", "ticks", "time 2"]
    assert session.heard == expected


def test_a_stop_placed_when_the_entry_fills_at_the_open_works_in_the_same_bar(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 101.0, 97.0, 98.0), FLAT)
    at(session, 1, lambda: session.place(BUY, 1))
    on_fill(session, lambda: session.place(SELL, 1, order_type=SL_M, trigger_price=98.0))
    loop_run(session.run())
    assert session.fill_prices() == [100.0, 98.0]


def test_a_gapped_stop_fills_at_the_open(loop_run: Run) -> None:
    session = replay(FLAT, FLAT, (95.0, 96.0, 94.0, 95.0))
    at(session, 1, lambda: session.place(SELL, 1, order_type=SL_M, trigger_price=98.0))
    loop_run(session.run())
    assert session.fill_prices() == [95.0]


def test_the_stop_comes_before_the_target_and_the_session_cancels_the_target_in_time(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 110.0, 90.0, 100.0))
    placed: list[Any] = []

    def protect() -> None:
        placed.append(session.place(SELL, 1, order_type=LIMIT, price=105.0))
        placed.append(session.place(SELL, 1, order_type=SL_M, trigger_price=95.0))

    at(session, 1, protect)
    on_fill(session, lambda: session.cancel(placed[0]))
    loop_run(session.run())
    assert session.fill_prices() == [95.0]
    assert session.statuses(placed[0]) == [OrderStatus.OPEN, OrderStatus.CANCELLED]


def test_a_market_order_placed_on_a_fill_waits_for_the_next_open(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 101.0, 99.0, 100.5), (107.0, 108.0, 106.0, 107.0))
    at(session, 1, lambda: session.place(BUY, 1))
    on_fill(session, lambda: session.place(SELL, 1))
    loop_run(session.run())
    assert session.fill_prices() == [100.0, 107.0]


def test_a_limit_placed_while_the_range_is_walked_waits_for_the_next_open_but_a_stop_does_not(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 110.0, 90.0, 100.0), (104.0, 110.0, 90.0, 100.0))

    def protect() -> None:
        session.place(BUY, 1, order_type=LIMIT, price=93.0)
        session.place(BUY, 1, order_type=SL_M, trigger_price=108.0)

    at(session, 1, lambda: session.place(SELL, 1, order_type=SL_M, trigger_price=95.0))
    on_fill(session, protect)
    loop_run(session.run())
    assert [(fill.price, fill.time_ns) for _, fill in session.fills()] == [(95.0, minute(1)), (108.0, minute(1)), (93.0, minute(2))]


@pytest.mark.parametrize(("touch", "expected"), [(False, []), (True, [99.0])])
def test_a_limit_fills_on_trade_through_or_on_touch(loop_run: Run, touch: bool, expected: list[float]) -> None:
    session = replay(FLAT, FLAT, touch=touch)
    at(session, 1, lambda: session.place(BUY, 1, order_type=LIMIT, price=99.0))
    loop_run(session.run())
    assert session.fill_prices() == expected


def test_a_stop_limit_is_told_when_it_triggers_and_rests_as_a_limit_from_then_on(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 106.0, 99.0, 105.0), (103.0, 104.0, 100.0, 101.0))
    at(session, 1, lambda: session.place(BUY, 1, order_type=SL, trigger_price=105.0, price=105.0))
    loop_run(session.run())
    (order,) = session.orders.values()
    assert session.statuses(order) == [OrderStatus.TRIGGER, OrderStatus.OPEN, OrderStatus.FILLED]
    assert session.fill_prices() == [103.0]


def test_an_ioc_limit_lives_for_one_open(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 110.0, 90.0, 100.0), FLAT)
    at(session, 1, lambda: session.place(BUY, 1, order_type=LIMIT, price=95.0, validity=Validity.IOC))
    loop_run(session.run())
    (order,) = session.orders.values()
    assert session.statuses(order) == [OrderStatus.OPEN, OrderStatus.CANCELLED]
    assert session.fills() == []


def test_a_modified_stop_works_at_its_new_trigger(loop_run: Run) -> None:
    session = replay(FLAT, FLAT, (100.0, 101.0, 97.0, 98.0))
    at(session, 1, lambda: session.place(SELL, 1, order_type=SL_M, trigger_price=90.0))
    at(session, 2, lambda: session.modify(next(iter(session.orders.values())), trigger_price=97.5, quantity=3))
    loop_run(session.run())
    assert [(fill.price, fill.quantity) for _, fill in session.fills()] == [(97.5, 3)]
    changed = session.updates[1]
    assert (changed.status, changed.trigger_price, changed.quantity, changed.pending) == (OrderStatus.TRIGGER, 97.5, 3, Pending.NONE)


def test_a_new_price_costs_the_place_in_the_queue_and_a_smaller_quantity_does_not(loop_run: Run) -> None:
    session = replay(FLAT, FLAT, (100.0, 101.0, 90.0, 95.0))
    orders: list[Any] = []
    at(session, 1, lambda: orders.extend(session.place(BUY, 5, order_type=LIMIT, price=95.0) for _ in range(3)))
    at(session, 2, lambda: (session.modify(orders[0], price=96.0), session.modify(orders[1], quantity=2)))
    loop_run(session.run())
    assert [tag for tag, _ in session.fills()] == [orders[1].id, orders[2].id, orders[0].id]


def test_what_is_over_cannot_be_changed(loop_run: Run) -> None:
    session = replay(FLAT, FLAT, FLAT)
    at(session, 1, lambda: session.place(BUY, 1))
    at(
        session,
        2,
        lambda: (session.cancel(next(iter(session.orders.values()))), session.modify(next(iter(session.orders.values())), quantity=2)),
    )
    loop_run(session.run())
    assert [type(error) for error in session.errors] == [OrderRejected, OrderRejected]
    assert "filled" in str(session.errors[0])


def test_an_instrument_that_is_not_replayed_is_refused_by_the_exchange(loop_run: Run) -> None:
    session = replay(FLAT, FLAT)
    at(session, 1, lambda: session.place(BUY, 1, instrument=TCS))
    loop_run(session.run())
    (update,) = session.updates
    assert update.status is OrderStatus.REJECTED
    assert "NSE:TCS" in update.message


def test_instruments_share_each_step_in_their_order_and_a_hole_in_one_holds_up_nothing(loop_run: Run) -> None:
    bars = {RELIANCE: bars_of(FLAT, FLAT, FLAT), TCS: bars_of((200.0, 201.0, 199.0, 200.0), first_minute=2)}
    session = FakeSession(SimulatedBroker(replay=bars, tariff="none"))
    at(session, 1, lambda: (session.place(BUY, 1, instrument=TCS), session.place(BUY, 1)))
    at(session, 2, lambda: session.place(SELL, 1))
    loop_run(session.run())
    assert [(fill.price, fill.time_ns) for _, fill in session.fills()] == [(100.0, minute(1)), (100.0, minute(2)), (200.0, minute(2))]
    assert [len(frame) for frame in session.frames] == [4, 4, 8]
    assert session.times == [minute(0), minute(1), minute(2), minute(3)]


def test_a_hole_in_the_data_closes_its_windows_before_the_next_open(loop_run: Run) -> None:
    session = replay(FLAT)
    rows = np.concatenate([bars_of(FLAT, FLAT), bars_of((107.0, 108.0, 106.0, 107.0), first_minute=5)])
    session = FakeSession(SimulatedBroker(replay={RELIANCE: rows}, tariff="none"))
    at(session, 5, lambda: session.place(BUY, 1))
    loop_run(session.run())
    assert session.times == [minute(n) for n in (0, 1, 2, 5, 6)]
    assert session.fill_prices() == [107.0]


def test_only_subscribed_instruments_are_sent_but_all_are_matched(loop_run: Run) -> None:
    session = FakeSession(SimulatedBroker(replay={RELIANCE: bars_of(FLAT, FLAT), TCS: bars_of(FLAT, FLAT)}, tariff="none"))
    at(session, 1, lambda: session.place(BUY, 1))
    loop_run(session.run(TCS))
    assert {int(token) for frame in session.frames for token in frame["instrument_token"]} == {TCS.token}
    assert len(session.fills()) == 1


def test_the_clock_is_the_markets_own(loop_run: Run) -> None:
    session = replay(FLAT, FLAT)
    seen: list[int] = []
    session.on_time_do = lambda time_ns: seen.append(session.broker.clock.now_ns() - time_ns)
    assert session.broker.clock.now_ns() == minute(0)
    loop_run(session.run())
    assert seen == [0, 0, 0]
    assert session.broker.clock.now_ns() == minute(2)
    assert session.broker.capabilities.is_replay
    assert session.broker.progress == 1.0
    assert session.links == [LinkState.LIVE]


def test_positions_cash_and_charges_are_reckoned_from_the_fills(loop_run: Run) -> None:
    session = FakeSession(SimulatedBroker(replay={RELIANCE: bars_of(FLAT, (102.0, 103.0, 101.0, 102.0))}, capital=50_000))
    held: dict[str, Any] = {}

    async def run() -> None:
        await session.broker.connect()
        await session.broker.start_market()
        await session.broker.wait_until_done()
        held["positions"] = await session.broker.positions()
        held["account"] = session.broker.exchange.account  # type: ignore[attr-defined]
        await session.broker.close()

    at(session, 0, lambda: session.place(BUY, 10, product=Product.MIS))
    at(session, 1, lambda: session.place(SELL, 10, product=Product.MIS))
    loop_run(run())
    (position,) = held["positions"]
    account = held["account"]
    assert (position.quantity, position.realised_units, position.bought, position.sold) == (0, 200_000, 10, 10)
    assert position.charges_units == account.charges_units > 0
    assert account.cash_units == 500_000_000 + 200_000 - account.charges_units


def test_at_sixty_times_a_minute_is_spread_over_a_second_of_the_wall(loop_run: Run) -> None:
    wall = ManualClock()
    session = replay(FLAT, (100.0, 103.0, 98.0, 102.0), speed=60, wall=wall)
    at(session, 1, lambda: session.place(BUY, 1, order_type=LIMIT, price=99.0))

    async def run() -> list[int]:
        await session.broker.connect()
        await session.broker.subscribe([RELIANCE])
        await session.broker.start_market()
        await asyncio.sleep(0)
        seen = []
        for _ in range(16):
            wall.advance(0.125)
            for _ in range(10):
                await asyncio.sleep(0)
            seen.append(len(session.frames))
        await session.broker.wait_until_done()
        await session.broker.close()
        return seen

    seen = loop_run(run())
    assert seen == list(range(1, 17))
    prices = [float(frame["last_price"][0]) for frame in session.frames[8:]]
    assert (prices[0], min(prices), max(prices), prices[-1]) == (100.0, 98.0, 103.0, 102.0)
    assert session.fill_prices() == [99.0]
    assert session.heard.index("FILLED 1") > session.heard.index("time 1") + 8


@pytest.mark.logs_warnings
def test_a_failing_session_stops_the_market_and_is_told(loop_run: Run) -> None:
    session = replay(FLAT, FLAT)

    def fail() -> None:
        raise RuntimeError("the session broke")

    at(session, 1, fail)

    async def run() -> None:
        await session.broker.connect()
        await session.broker.start_market()
        with pytest.raises(RuntimeError, match="broke"):
            await session.broker.wait_until_done()
        await session.broker.close()

    loop_run(run())
    assert session.links[-1] is LinkState.DISCONNECTED


def test_history_has_only_what_is_over(loop_run: Run) -> None:
    session = replay(*[FLAT] * 10)
    broker = session.broker
    lengths: dict[int, tuple[int, int]] = {}

    async def look() -> None:
        minutes = await broker.history(RELIANCE, 60, minute(0), minute(99))
        fives = await broker.history(RELIANCE, 300, minute(0), minute(99))
        lengths[broker.clock.now_ns()] = (len(minutes), len(fives))

    at(session, 0, lambda: session._tasks.spawn(look(), "look"))
    at(session, 7, lambda: session._tasks.spawn(look(), "look"))
    loop_run(session.run())
    assert lengths == {minute(0): (0, 0), minute(7): (7, 1)}


def test_quotes_tell_the_day_so_far(loop_run: Run) -> None:
    session = replay((100.0, 104.0, 99.0, 101.0), (101.0, 103.0, 98.0, 102.0))
    quotes: list[Any] = []

    async def run() -> None:
        await session.broker.connect()
        quotes.append(await session.broker.quote([RELIANCE]))
        await session.broker.start_market()
        await session.broker.wait_until_done()
        quotes.append(await session.broker.quote([RELIANCE, TCS]))
        await session.broker.close()

    loop_run(run())
    assert quotes[0] == []
    (quote,) = quotes[1]
    assert (quote.open, quote.high, quote.low, quote.last_price, quote.volume) == (100.0, 104.0, 98.0, 102.0, 200)


def test_history_of_another_instrument_is_missing(loop_run: Run) -> None:
    broker = SimulatedBroker(replay={RELIANCE: bars_of(FLAT)})
    with pytest.raises(HistoryMissing, match="NSE:TCS"):
        loop_run(broker.history(TCS, 60, 0, minute(9)))


def test_a_broker_is_made_without_a_loop_and_found_by_name() -> None:
    broker = create_broker("simulated", replay={RELIANCE: bars_of(FLAT)})
    assert (broker.name, broker.capabilities.is_live) == ("simulated", False)
    with pytest.raises(AuthenticationError, match="connect first"):
        _ = broker.exchange  # type: ignore[attr-defined]


@pytest.mark.parametrize("speed", ["fast", 0, -1, math.nan])
def test_a_speed_that_is_none_is_refused(speed: Any) -> None:
    with pytest.raises(InvalidOption, match="Expected a speed"):
        replay(FLAT, speed=speed)


def test_bars_out_of_order_and_no_bars_at_all_are_refused() -> None:
    with pytest.raises(InvalidOption, match="in order of time"):
        SimulatedBroker(replay={RELIANCE: bars_of(FLAT, FLAT)[::-1]})
    with pytest.raises(HistoryMissing, match="bars to replay"):
        SimulatedBroker(replay={RELIANCE: bars_of()})


def test_what_is_unsubscribed_is_sent_no_more(loop_run: Run) -> None:
    session = FakeSession(SimulatedBroker(replay={RELIANCE: bars_of(FLAT, FLAT), TCS: bars_of(FLAT, FLAT)}))

    async def run() -> None:
        await session.broker.connect()
        await session.broker.subscribe([RELIANCE, TCS])
        await session.broker.unsubscribe([TCS])
        await session.broker.start_market()
        await session.broker.start_market()
        await session.broker.wait_until_done()
        await session.broker.close()

    loop_run(run())
    assert {int(token) for frame in session.frames for token in frame["instrument_token"]} == {RELIANCE.token}
    assert len(session.frames) == 2


def test_more_orders_can_rest_than_there_was_room_for(loop_run: Run) -> None:
    session = replay(FLAT, (100.0, 101.0, 80.0, 90.0))
    at(session, 1, lambda: [session.place(BUY, 1, order_type=LIMIT, price=98.0 - number) for number in range(20)])
    loop_run(session.run())
    assert sorted(session.fill_prices(), reverse=True) == [98.0 - number for number in range(18)]


def test_friction_and_bands_belong_to_bars() -> None:
    with pytest.raises(InvalidOption, match="Expected friction and bands with a replay of bars only"):
        SimulatedBroker(friction=Friction(slippage_ticks=1))
    with pytest.raises(InvalidOption, match="Expected the band of NSE:RELIANCE"):
        SimulatedBroker(replay={RELIANCE: bars_of(FLAT)}, bands={RELIANCE: 120.0})


def test_a_thin_bar_fills_a_part_and_an_ioc_order_does_not_wait_for_more(loop_run: Run) -> None:
    session = replay(FLAT, FLAT, FLAT, friction=Friction(participation=0.04, slippage_ticks=1))
    at(session, 1, lambda: session.place(BUY, 6))
    at(session, 1, lambda: session.place(SELL, 6, validity=Validity.IOC))
    loop_run(session.run())
    assert [(fill.price, fill.quantity, fill.time_ns) for _, fill in session.fills()] == [(100.05, 4, minute(1)), (100.05, 2, minute(2))]
    assert [session.statuses(order)[-1] for order in session.orders.values()] == [OrderStatus.FILLED, OrderStatus.CANCELLED]


def test_an_order_decided_on_at_a_close_comes_late_and_a_change_of_it_no_later(loop_run: Run) -> None:
    session = replay(*[FLAT] * 5, friction=Friction(latency_bars=2))
    placed: list[Any] = []
    at(session, 1, lambda: placed.append(session.place(BUY, 1, order_type=LIMIT, price=99.5)))
    at(session, 2, lambda: session.modify(placed[0], price=100.5))
    loop_run(session.run())
    assert [fill.time_ns for _, fill in session.fills()] == [minute(3)]


def test_at_the_highest_price_of_the_day_nobody_sells(loop_run: Run) -> None:
    rows = bars_of(FLAT, (110.0, 110.0, 110.0, 110.0), (109.0, 110.0, 108.0, 109.0))
    rows["time_ns"][1:] += 86_400 * 10**9
    session = FakeSession(SimulatedBroker(replay={RELIANCE: rows}, tariff="none", bands={RELIANCE: 10.0}, interval_s=60))
    at(session, 1, lambda: session.place(BUY, 1))
    loop_run(session.run())
    assert [(fill.price, fill.time_ns) for _, fill in session.fills()] == [(109.0, int(rows["time_ns"][2]))]


def test_more_than_the_freeze_quantity_goes_in_slices_or_not_at_all(loop_run: Run) -> None:
    frozen = replace(RELIANCE, freeze_quantity=5)
    session = FakeSession(SimulatedBroker(replay={frozen: bars_of(FLAT, FLAT)}, tariff="none", interval_s=60))
    for quantity, is_sliced in ((12, True), (12, False), (51, True)):
        at(session, 1, partial(session.place, BUY, quantity, instrument=frozen, is_sliced=is_sliced))
    loop_run(session.run())
    assert [fill.quantity for _, fill in session.fills()] == [5, 5, 2]
    assert [session.statuses(order)[-1] for order in session.orders.values()] == [OrderStatus.FILLED] + [OrderStatus.REJECTED] * 2

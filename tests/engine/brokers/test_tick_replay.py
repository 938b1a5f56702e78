"""A replay of recorded ticks: the order book decides what fills, and the day goes on where it was left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.simulated import SimulatedBroker
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.clock import ManualClock
from engine.core.bars import SECOND_NS
from engine.core.errors import HistoryMissing
from engine.core.model import OrderStatus, Side, Validity
from engine.core.records import MODE_FULL, MODE_LTP, MODE_QUOTE, TICK, Rows
from tests.engine.brokers.sessions import LIMIT, OPEN_NS, RELIANCE, SL, SL_M, TCS, FakeSession

BUY, SELL = Side.BUY, Side.SELL
Run = Callable[[Coroutine[Any, Any, Any]], Any]
Levels = list[tuple[float, int]]


def tick(second: int, last: float, volume: int = 0, bids: Levels | None = None, asks: Levels | None = None, mode: int = MODE_FULL) -> Rows:
    """Make one TICK row, `volume` being the day's so far."""
    made = np.zeros(1, dtype=TICK)
    row = made[0]
    row.mode, row.last_price, row.volume, row.exchange_time = mode, last, volume, OPEN_NS // SECOND_NS + second
    for side, levels in enumerate((bids or [], asks or [])):
        for level, (price, quantity) in enumerate(levels):
            row.depth[side, level] = (quantity, price, 1)
    return made


def quote(second: int, last: float, volume: int = 0) -> Rows:
    return tick(second, last, volume, mode=MODE_QUOTE)


def replay(*ticks: Rows, **options: Any) -> FakeSession:
    return FakeSession(SimulatedBroker(replay={RELIANCE: np.concatenate(ticks)}, tariff="none", **options))


def at(session: FakeSession, second: int, do: Callable[[], object]) -> None:
    before = session.on_time_do

    def on_time(time_ns: int) -> None:
        before(time_ns)
        if time_ns == OPEN_NS + second * SECOND_NS:
            do()

    session.on_time_do = on_time


def deals(session: FakeSession) -> list[tuple[float, int, int]]:
    """Return (price, quantity, second) of all fills."""
    return [(fill.price, fill.quantity, (fill.time_ns - OPEN_NS) // SECOND_NS) for _, fill in session.fills()]


BOOK = {"bids": [(99.9, 50), (99.8, 50)], "asks": [(100.1, 30), (100.2, 40)]}


def test_a_market_order_walks_the_depth_and_waits_for_more(loop_run: Run) -> None:
    session = replay(tick(0, 100.0, 10, **BOOK), tick(1, 100.0, 10, **BOOK), tick(2, 100.0, 10, [(99.9, 50)], [(100.4, 500)]))
    at(session, 1, lambda: session.place(BUY, 100))
    loop_run(session.run())
    assert deals(session) == [(100.1, 30, 1), (100.2, 40, 1), (100.4, 30, 2)]
    (order,) = session.orders.values()
    assert session.statuses(order)[0] is OrderStatus.OPEN
    assert session.statuses(order)[-2:] == [OrderStatus.PARTIAL, OrderStatus.FILLED]


def test_a_limit_takes_what_is_no_worse_and_rests_with_the_remainder(loop_run: Run) -> None:
    session = replay(tick(0, 100.0, 10, **BOOK), tick(1, 100.0, 10, **BOOK), tick(2, 100.0, 10, [(99.9, 5)], [(100.0, 15)]))
    at(session, 1, lambda: session.place(BUY, 50, order_type=LIMIT, price=100.1))
    loop_run(session.run())
    assert deals(session) == [(100.1, 30, 1), (100.1, 15, 2)]


def test_an_ioc_order_takes_what_is_there_and_goes(loop_run: Run) -> None:
    session = replay(tick(0, 100.0, 10, **BOOK), tick(1, 100.0, 10, **BOOK), tick(2, 100.0, 10, **BOOK))
    at(session, 1, lambda: session.place(BUY, 50, order_type=LIMIT, price=100.1, validity=Validity.IOC))
    loop_run(session.run())
    (order,) = session.orders.values()
    assert deals(session) == [(100.1, 30, 1)]
    assert session.statuses(order) == [OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELLED]
    assert session.updates[-1].filled == 30


@pytest.mark.parametrize(("touch", "expected"), [(False, [(100.0, 25, 3)]), (True, [(100.0, 20, 2), (100.0, 10, 3)])])
def test_trades_elsewhere_fill_a_resting_limit_up_to_their_quantity(
    loop_run: Run, touch: bool, expected: list[tuple[float, int, int]]
) -> None:
    ticks = [quote(0, 100.5, 100), quote(1, 100.5, 100), quote(2, 100.0, 120), quote(3, 99.5, 145)]
    session = replay(*ticks, touch=touch)
    at(session, 1, lambda: session.place(BUY, 30, order_type=LIMIT, price=100.0))
    loop_run(session.run())
    assert deals(session) == expected


def test_without_depth_a_market_order_fills_at_the_last_price(loop_run: Run) -> None:
    session = replay(quote(0, 100.0), quote(1, 101.0))
    at(session, 1, lambda: session.place(BUY, 1000))
    loop_run(session.run())
    assert deals(session) == [(100.0, 1000, 1)]


def test_a_market_order_before_the_first_quote_waits_for_it(loop_run: Run) -> None:
    session = replay(tick(0, 100.0, 0, mode=MODE_LTP), tick(1, 101.0, 0, mode=MODE_LTP))
    at(session, 0, lambda: session.place(BUY, 10))
    loop_run(session.run())
    assert deals(session) == [(100.0, 10, 0)]


def test_a_stop_sells_at_what_the_book_pays_when_a_trade_reaches_it(loop_run: Run) -> None:
    falling = tick(2, 99.0, 30, [(98.9, 4), (98.5, 50)], [(99.2, 5)])
    session = replay(tick(0, 100.0, 10, **BOOK), tick(1, 100.0, 20, **BOOK), falling, falling)
    at(session, 1, lambda: session.place(SELL, 10, order_type=SL_M, trigger_price=99.0))
    loop_run(session.run())
    (order,) = session.orders.values()
    assert session.statuses(order)[:2] == [OrderStatus.TRIGGER, OrderStatus.OPEN]
    assert deals(session) == [(98.9, 4, 2), (98.5, 6, 2)]


def test_depth_that_was_taken_cannot_be_taken_again_until_it_is_shown_differently(loop_run: Run) -> None:
    same, other = tick(2, 100.0, 10, **BOOK), tick(3, 100.0, 10, BOOK["bids"], [(100.1, 31)])
    session = replay(tick(0, 100.0, 10, **BOOK), tick(1, 100.0, 10, **BOOK), same, other)
    at(session, 1, lambda: session.place(BUY, 60, order_type=LIMIT, price=100.1))
    loop_run(session.run())
    assert deals(session) == [(100.1, 30, 1), (100.1, 30, 3)]


def test_a_stop_limit_rests_at_its_limit_once_triggered(loop_run: Run) -> None:
    ticks = [quote(0, 100.0, 10), quote(1, 100.0, 20), quote(2, 101.0, 30), quote(3, 101.6, 40), quote(4, 101.3, 90)]
    session = replay(*ticks)
    at(session, 1, lambda: session.place(BUY, 10, order_type=SL, trigger_price=101.5, price=101.5))
    loop_run(session.run())
    (order,) = session.orders.values()
    assert session.statuses(order) == [OrderStatus.TRIGGER, OrderStatus.OPEN, OrderStatus.FILLED]
    assert deals(session) == [(101.5, 10, 4)]


def test_orders_of_one_price_are_filled_in_placing_order_and_a_smaller_quantity_keeps_the_place(loop_run: Run) -> None:
    session = replay(quote(0, 101.0, 10), quote(1, 101.0, 10), quote(2, 101.0, 10), quote(3, 99.0, 25))
    orders: list[Any] = []
    at(session, 1, lambda: orders.extend(session.place(BUY, 10, order_type=LIMIT, price=100.0) for _ in range(3)))
    at(session, 2, lambda: (session.modify(orders[0], quantity=8), session.modify(orders[1], quantity=12)))
    loop_run(session.run())
    assert [(tag, fill.quantity) for tag, fill in session.fills()] == [(orders[0].id, 8), (orders[2].id, 7)]


def test_a_cancelled_order_leaves_the_book(loop_run: Run) -> None:
    session = replay(quote(0, 101.0, 10), quote(1, 101.0, 10), quote(2, 101.0, 10), quote(3, 99.0, 99))
    at(session, 1, lambda: session.place(BUY, 10, order_type=LIMIT, price=100.0))
    at(session, 2, lambda: session.cancel(next(iter(session.orders.values()))))
    loop_run(session.run())
    assert session.statuses(next(iter(session.orders.values()))) == [OrderStatus.OPEN, OrderStatus.CANCELLED]


def test_two_orders_of_the_account_trade_with_each_other(loop_run: Run) -> None:
    session = replay(quote(0, 100.0, 10), quote(1, 100.0, 10), quote(2, 100.0, 10))
    at(session, 1, lambda: session.place(BUY, 10, order_type=LIMIT, price=99.0))
    at(session, 2, lambda: session.place(SELL, 10, order_type=LIMIT, price=99.0))
    loop_run(session.run())
    assert deals(session) == [(99.0, 10, 2), (99.0, 10, 2)]
    assert len({fill.trade_id for _, fill in session.fills()}) == 2


def test_the_session_hears_ticks_second_by_second_of_what_it_subscribed(loop_run: Run) -> None:
    mine, other = np.concatenate([quote(0, 100.0), quote(0, 100.5), quote(2, 101.0)]), quote(1, 50.0)
    session = FakeSession(SimulatedBroker(replay={RELIANCE: mine, TCS: other}, tariff="none"))
    loop_run(session.run(RELIANCE))
    assert [list(frame["last_price"]) for frame in session.frames] == [[100.0, 100.5], [101.0]]
    assert [(time - OPEN_NS) // SECOND_NS for time in session.times] == [0, 1, 2, 62]


def test_what_is_unsubscribed_is_sent_no_more(loop_run: Run) -> None:
    session = replay(quote(0, 100.0))

    async def run() -> None:
        await session.broker.connect()
        await session.broker.subscribe([RELIANCE])
        await session.broker.unsubscribe([RELIANCE])
        await session.broker.start_market()
        await session.broker.wait_until_done()
        await session.broker.close()

    loop_run(run())
    assert session.frames == []
    assert session.broker.progress == 1.0


def test_quotes_are_told_and_bars_are_missing(loop_run: Run) -> None:
    session = replay(tick(0, 100.0, 10, **BOOK))

    async def run() -> Any:
        await session.broker.connect()
        before = await session.broker.quote([RELIANCE])
        await session.broker.start_market()
        await session.broker.wait_until_done()
        with pytest.raises(HistoryMissing, match="replay of ticks"):
            await session.broker.history(RELIANCE, 60, 0, 1)
        found = await session.broker.quote([RELIANCE])
        await session.broker.close()
        return before, found[0]

    before, found = loop_run(run())
    assert before == []
    assert (found.last_price, found.bid, found.ask, found.bid_quantity, found.ask_quantity) == (100.0, 99.9, 100.1, 50, 30)
    assert found.bids == ((99.9, 50), (99.8, 50))
    assert not session.broker.capabilities.has_history


def test_unknown_instruments_and_empty_files_are_refused(loop_run: Run) -> None:
    session = replay(quote(0, 100.0), quote(1, 100.0))
    at(session, 1, lambda: session.place(BUY, 1, instrument=TCS))
    loop_run(session.run())
    assert session.updates[0].status is OrderStatus.REJECTED
    with pytest.raises(HistoryMissing, match="ticks to replay"):
        SimulatedBroker(replay={RELIANCE: np.zeros(0, dtype=TICK)})


def test_a_resumed_replay_rests_what_rested_and_matches_no_tick_again(loop_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    ticks = [quote(s, 100.0 + s % 3, 10 * s) for s in range(40)]
    first = replay(*ticks[:20], file=path)
    at(first, 5, lambda: first.place(BUY, 7, order_type=LIMIT, price=95.0))
    at(first, 6, lambda: first.place(BUY, 5))
    at(first, 19, lambda: first.place(SELL, 3, order_type=SL_M, trigger_price=90.0))
    loop_run(first.run())
    last = np.concatenate([*ticks, quote(40, 94.0, 500), quote(41, 89.0, 600)])
    again = FakeSession(SimulatedBroker(replay={RELIANCE: last}, tariff="none", file=path, resume=True))
    warm: list[bool] = []
    again.on_ticks_do = lambda ticks: warm.append(again.broker.is_warming_up)
    loop_run(again.run())
    assert again.broker.resumed_until_ns == OPEN_NS + 19 * SECOND_NS
    assert warm == [True] * 19 + [False] * 23
    assert [(price, quantity) for price, quantity, _ in deals(again)] == [(95.0, 7), (89.0, 3)]
    file = LedgerFile(path, 0)
    assert len(list(file.fills())) == 3
    file.close()


def test_at_a_given_speed_a_long_hole_is_not_waited_for(loop_run: Run) -> None:
    wall = ManualClock()
    session = replay(quote(0, 100.0), quote(10, 101.0), quote(4000, 102.0), speed=10, wall=wall)

    async def run() -> list[int]:
        await session.broker.connect()
        await session.broker.subscribe([RELIANCE])
        await session.broker.start_market()
        seen = []
        for _ in range(5):
            for _ in range(10):
                await asyncio.sleep(0)
            seen.append(len(session.frames))
            wall.advance(0.25)
        await session.broker.wait_until_done()
        await session.broker.close()
        return seen

    assert loop_run(run()) == [1, 1, 2, 2, 3]

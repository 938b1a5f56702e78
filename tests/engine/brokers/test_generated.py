"""The generated market: the same for the same seed, on the grid, with a book that trades and a day that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.simulated import SimulatedBroker
from engine.brokers.simulated.generated import GeneratedMarket
from engine.brokers.simulated.generated_prices import GeneratedPrices
from engine.brokers.simulated.generated_share import GeneratedShare
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.clock import ManualClock, ist
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.errors import HistoryMissing
from engine.core.grid import is_on_tick
from engine.core.model import Exchange, Instrument, OrderStatus, Side
from engine.core.records import MODE_FULL, MODE_INDEX
from engine.instruments import Instruments
from tests.engine.brokers.sessions import LIMIT, FakeSession

BUY, SELL = Side.BUY, Side.SELL
Run = Callable[[Coroutine[Any, Any, Any]], Any]

CATALOGUE = Instruments.load_bundled()
SHARE, INDEX, OTHER = CATALOGUE.get("RELIANCE"), CATALOGUE.get("NIFTY 50"), CATALOGUE.get("SBIN")
STRANGE = Instrument(Exchange.NSE, "STRANGE", 1)
TUESDAY = date(2025, 10, 28)


def wall_at(day: int, hour: int, minute: int = 0) -> ManualClock:
    """Stop the wall's clock at a time of October 2025, in India."""
    return ManualClock(int(datetime(2025, 10, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND_NS - 19_800 * SECOND_NS)


def market(wall: ManualClock | None = None, seed: int = 1, **options: Any) -> FakeSession:
    return FakeSession(SimulatedBroker(seed=seed, wall=wall or wall_at(28, 11), **options))


async def let_pass(wall: ManualClock, seconds: float, turns: int = 4) -> None:
    """Let the wall's time pass in the steps of the market."""
    for _ in range(round(seconds / 0.25)):
        wall.advance(0.25)
        for _ in range(turns):
            await asyncio.sleep(0)


async def begin(session: FakeSession, *watched: Instrument) -> None:
    await session.broker.connect()
    await session.broker.subscribe(watched)
    await session.broker.start_market()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        (wall_at(28, 11, 30), "2025-10-28 11:30"),
        (wall_at(28, 22), "2025-10-28 10:00"),
        (wall_at(28, 7), "2025-10-27 10:00"),
        (wall_at(26, 12), "2025-10-24 10:00"),
    ],
)
def test_its_time_is_the_walls_while_the_market_is_open_and_a_past_morning_otherwise(wall: ManualClock, expected: str) -> None:
    assert f"{ist(SimulatedBroker(wall=wall).clock.now_ns()):%Y-%m-%d %H:%M}" == expected


def test_all_watched_are_on_screen_with_the_first_frame(loop_run: Run) -> None:
    session = market()

    async def run() -> None:
        await begin(session, SHARE, INDEX, OTHER)
        await session.broker.close()

    loop_run(run())
    first = session.frames[0]
    assert list(first["instrument_token"]) == [SHARE.token, INDEX.token, OTHER.token]
    assert list(first["mode"]) == [MODE_FULL, MODE_INDEX, MODE_FULL]
    share = first[0]
    assert share.depth["quantity"].min() > 0
    bids, asks = share.depth["price"]
    assert list(bids) == sorted(bids, reverse=True)
    assert list(asks) == sorted(asks)
    assert bids[0] < asks[0]
    assert all(is_on_tick(float(price), float(SHARE.tick_size)) for price in (*bids, *asks, share.last_price, share.high, share.low))
    assert share.low <= share.last_price <= share.high
    assert share.volume > 0
    assert abs(share.last_price / CATALOGUE.reference_price(SHARE.key) - 1) < 0.4


def trades_of(seed: int, run: Run) -> list[Any]:
    wall = wall_at(28, 11)
    session = market(wall, seed)

    async def play() -> None:
        await begin(session, SHARE, INDEX)
        await let_pass(wall, 20)
        await session.broker.close()

    run(play())
    return [str(frame.tolist()) for frame in session.frames]


def test_the_same_seed_trades_the_same_and_another_one_does_not(loop_run: Run) -> None:
    first = trades_of(1, loop_run)
    assert first == trades_of(1, loop_run)
    assert first != trades_of(2, loop_run)
    assert len(first) > 20


def test_time_goes_on_in_frames_and_volume_never_falls(loop_run: Run) -> None:
    wall = wall_at(28, 11)
    session = market(wall)

    async def run() -> None:
        await begin(session, SHARE)
        await let_pass(wall, 30)
        await session.broker.close()

    loop_run(run())
    volumes = [int(frame["volume"][0]) for frame in session.frames]
    assert volumes == sorted(volumes)
    assert volumes[-1] > volumes[0]
    assert session.broker.clock.now_ns() - wall_at(28, 11).now_ns() == 30 * SECOND_NS
    assert session.times[-1] == session.broker.clock.now_ns()
    assert not session.broker.capabilities.is_replay


def test_a_market_order_takes_the_depth_and_is_printed(loop_run: Run) -> None:
    wall = wall_at(28, 11)
    session = market(wall)

    async def run() -> tuple[Any, Any]:
        await begin(session, SHARE)
        before = (await session.broker.quote([SHARE]))[0]
        session.place(BUY, before.ask_quantity + 10, instrument=SHARE)
        await session.settle()
        await asyncio.sleep(0)
        after = (await session.broker.quote([SHARE]))[0]
        await session.broker.close()
        return before, after

    before, after = loop_run(run())
    assert [(fill.price, fill.quantity) for _, fill in session.fills()] == [(before.ask, before.ask_quantity), (before.asks[1][0], 10)]
    assert (after.last_price, after.ask) == (before.asks[1][0], before.asks[1][0])
    assert after.volume == before.volume + before.ask_quantity + 10


def test_a_resting_order_is_seen_in_the_depth_and_traded_with_in_its_turn(loop_run: Run) -> None:
    wall = wall_at(28, 11)
    session = market(wall)

    async def run() -> tuple[Any, Any]:
        await begin(session, SHARE)
        before = (await session.broker.quote([SHARE]))[0]
        session.place(BUY, 7, instrument=SHARE, order_type=LIMIT, price=before.bid)
        await session.settle()
        seen = (await session.broker.quote([SHARE]))[0]
        await let_pass(wall, 120)
        await session.broker.close()
        return before, seen

    before, seen = loop_run(run())
    assert seen.bid_quantity == before.bid_quantity + 7
    assert sum(fill.quantity for _, fill in session.fills()) == 7
    assert set(session.fill_prices()) == {before.bid}


def test_an_order_in_a_share_that_nobody_watches_is_filled_too(loop_run: Run) -> None:
    wall = wall_at(28, 11)
    session = market(wall)

    async def run() -> None:
        await begin(session, SHARE)
        session.place(BUY, 5, instrument=OTHER)
        await session.settle()
        await let_pass(wall, 1)
        await session.broker.close()

    loop_run(run())
    assert sum(fill.quantity for _, fill in session.fills()) == 5
    assert {int(token) for frame in session.frames for token in frame["instrument_token"]} == {SHARE.token}


def test_at_the_close_orders_expire_and_the_next_session_opens_with_a_gap(loop_run: Run) -> None:
    wall = wall_at(28, 15, 29)
    session = market(wall)
    late: list[Any] = []

    async def run() -> None:
        await begin(session, SHARE)
        session.place(BUY, 5, instrument=SHARE, order_type=LIMIT, price=100.0)
        await let_pass(wall, 70)
        late.extend(await session.broker.orders())
        await session.broker.close()

    loop_run(run())
    (order,) = session.orders.values()
    assert session.statuses(order) == [OrderStatus.OPEN, OrderStatus.EXPIRED]
    assert late == []
    assert f"{ist(session.broker.clock.now_ns()):%d %H:%M}" == "29 09:15"
    assert session.frames[-1]["open"][0] != session.frames[0]["open"][0]
    assert session.frames[-1]["volume"][0] < session.frames[0]["volume"][0]


def test_orders_of_a_strange_instrument_or_a_closed_market_are_rejected(loop_run: Run) -> None:
    wall = wall_at(28, 15, 29)
    session = market(wall, speed="max")

    async def run() -> None:
        await session.broker.connect()
        session.place(BUY, 1, instrument=STRANGE)
        await session.settle()
        await session.broker.start_market()
        await session.broker.wait_until_done()
        session.place(BUY, 1, instrument=SHARE)
        await session.settle()
        await asyncio.sleep(0)
        await session.broker.close()

    loop_run(run())
    assert [update.status for update in session.updates] == [OrderStatus.REJECTED] * 2
    assert "of the generated market, was NSE:STRANGE" in session.updates[0].message
    assert "place the order when it trades" in session.updates[1].message


def test_at_full_speed_one_session_is_played_and_the_market_waits_for_the_session(loop_run: Run) -> None:
    session = market(wall_at(28, 15), speed="max")
    loop_run(session.run(SHARE))
    assert session.broker.capabilities.is_replay
    assert f"{ist(session.broker.clock.now_ns()):%H:%M}" == "15:30"
    assert session.broker.progress == 1.0
    assert len(session.frames) > 300


def test_a_day_of_the_past_is_always_the_same_and_its_bars_hang_together() -> None:
    prices = GeneratedPrices(5)
    day = prices.day(SHARE, 1310.0, TUESDAY, 0, 375)
    again = GeneratedPrices(5).day(SHARE, 1310.0, TUESDAY, 0, 375)
    assert np.array_equal(day.points, again.points)
    assert np.array_equal(day.volumes, again.volumes)
    tomorrow = GeneratedPrices(5).day(SHARE, 1310.0, date(2025, 10, 29), 0, 375)
    assert tomorrow.previous_close == day.points[-1]
    assert tomorrow.points[0] != day.points[-1]
    bars = day.bars()
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
    assert all(is_on_tick(float(price), 0.1) for price in day.points)
    assert day.volumes[:30].mean() > 1.5 * day.volumes[150:220].mean()
    assert day.volumes[-20:].mean() > day.volumes[150:220].mean()


def test_days_long_ago_and_an_index_have_prices_too() -> None:
    prices = GeneratedPrices(5)
    assert prices.day(SHARE, 1310.0, date(2015, 1, 5), 0, 375).points.min() > 0
    index = prices.day(INDEX, 25_000.0, TUESDAY, 0, 375)
    assert index.volumes.sum() == 0


def test_shares_move_with_the_market() -> None:
    prices = GeneratedPrices(3)
    returns = [np.diff(np.log(prices.day(i, 1000.0, TUESDAY, 0, 375).points[::60])) for i in (SHARE, OTHER)]
    assert np.corrcoef(*returns)[0, 1] > 0.1


def test_only_so_many_days_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.brokers.simulated.generated_prices._KEPT_DAYS", 2)
    prices = GeneratedPrices(5)
    first = prices.day(SHARE, 1310.0, TUESDAY, 0, 10)
    assert prices.day(SHARE, 1310.0, TUESDAY, 0, 10) is first
    for minutes in (11, 12):
        prices.day(SHARE, 1310.0, TUESDAY, 0, minutes)
    assert prices.day(SHARE, 1310.0, TUESDAY, 0, 10) is not first


def test_history_reaches_back_thirty_sessions_and_ends_with_what_was_traded(loop_run: Run) -> None:
    wall = wall_at(28, 11)
    session = market(wall)

    async def run() -> dict[str, Any]:
        broker = session.broker
        await begin(session, SHARE)
        await let_pass(wall, 130)
        now_ns = broker.clock.now_ns()
        found = {
            "minutes": await broker.history(SHARE, 60, 0, now_ns),
            "fives": await broker.history(SHARE, 300, 0, now_ns),
            "other": await broker.history(OTHER, 60, now_ns - 10 * MINUTE_NS, now_ns),
        }
        for instrument, start_ns in ((SHARE, now_ns), (STRANGE, 0)):
            with pytest.raises(HistoryMissing):
                await broker.history(instrument, 60, start_ns, now_ns + 1)
        await broker.close()
        return found

    found = loop_run(run())
    minutes = found["minutes"]
    assert len(np.unique((minutes["time_ns"] + 19_800 * SECOND_NS) // (86_400 * SECOND_NS))) >= 29
    assert (np.diff(minutes["time_ns"]) > 0).all()
    assert f"{ist(int(minutes['time_ns'][-1])):%d %H:%M}" == "28 11:01"
    traded = [float(price) for frame in session.frames for price in frame["last_price"]]
    assert minutes["low"][-2] >= min(traded)
    assert minutes["high"][-2] <= max(traded)
    assert f"{ist(int(found['fives']['time_ns'][-1])):%d %H:%M}" == "28 10:55"
    assert len(found["other"]) == 9


def test_time_goes_on_from_where_the_file_was_left(loop_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    wall = wall_at(28, 22)
    first = market(wall, file=path)

    async def play(session: FakeSession, price: float) -> list[Any]:
        await begin(session, SHARE)
        await let_pass(wall, 5)
        session.place(BUY, 5, instrument=SHARE, order_type=LIMIT, price=price)
        await session.settle()
        known = list(await session.broker.orders())
        await session.broker.close()
        return known

    loop_run(play(first, 100.0))
    again = market(wall, file=path)
    known = loop_run(play(again, 200.0))
    assert [row.price for row in known] == [100.0, 200.0]
    assert again.frames[0]["exchange_time"][0] > first.frames[-1]["exchange_time"][0]
    book = LedgerFile(path, 0)
    ended = int(ist(book.position[0]).hour)
    book.be_at(wall_at(28, 15, 29).now_ns() + 59 * SECOND_NS, 0)
    book.put_order(book.orders()[0])
    book.close()
    tomorrow = market(wall, file=path)
    known = loop_run(play(tomorrow, 300.0))
    assert ended == 10
    assert [row.price for row in known] == [300.0]
    assert f"{ist(tomorrow.broker.clock.now_ns()):%d %H:%M}" == "29 09:15"


def test_another_catalogue_can_be_traded() -> None:
    made = GeneratedMarket(seed=1, speed=1.0, wall=wall_at(28, 11), instruments=Instruments([STRANGE]))
    assert list(SimulatedBroker(market=made)._market.instruments) == [STRANGE]


def test_a_quote_can_be_asked_of_what_nobody_watches(loop_run: Run) -> None:
    session = market()

    async def run() -> Any:
        await session.broker.connect()
        return await session.broker.quote([OTHER, INDEX, STRANGE])

    share, index = loop_run(run())
    assert share.bid < share.ask
    assert share.low <= share.last_price <= share.high
    assert (index.bid, index.volume) == (0.0, 0)
    assert session.broker.progress == pytest.approx(105 / 375)


def test_what_is_unsubscribed_is_sent_no_more(loop_run: Run) -> None:
    wall = wall_at(28, 11)
    session = market(wall)

    async def run() -> int:
        await begin(session, SHARE, OTHER)
        await session.broker.unsubscribe([OTHER])
        before = len(session.frames)
        await let_pass(wall, 5)
        await session.broker.close()
        return before

    before = loop_run(run())
    assert len(session.frames) > before
    assert {int(token) for frame in session.frames[before:] for token in frame["instrument_token"]} == {SHARE.token}


def test_between_two_sessions_of_a_day_nothing_trades(loop_run: Run) -> None:
    saturday = ManualClock(int(datetime(2024, 5, 18, 4, 25, tzinfo=UTC).timestamp()) * SECOND_NS)
    session = market(saturday, speed="max")
    loop_run(session.run(SHARE))
    times = [ist(int(frame["exchange_time"][0]) * SECOND_NS) for frame in session.frames]
    assert not [time for time in times if (10, 0) < (time.hour, time.minute) < (11, 30)]
    assert [time for time in times if time.hour == 12]


def test_an_index_that_does_not_move_is_not_sent_again() -> None:
    share = GeneratedShare(INDEX, GeneratedPrices(1).day(INDEX, 25_000.0, TUESDAY, 0, 375), 0)
    assert share.move_index(MINUTE_NS)
    assert not share.move_index(MINUTE_NS)
    assert list(share.bars()["session_minute"]) == [0, 1]

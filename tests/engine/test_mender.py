"""A connection that was gone for some minutes leaves no hole: bars are fetched, told once they are whole, and reckoned with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.brokers.base import Capabilities
from engine.brokers.paper import PaperBroker
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.errors import BrokerError, ConnectionLost, HistoryMissing
from engine.core.model import Instrument
from engine.core.records import BAR, MODE_QUOTE, TICK, Rows
from engine.market_data import MarketDataHandler
from engine.mender import Mender
from engine.tasks import Tasks
from engine.view import QuoteBoard
from tests.engine.fakes import OPEN_NS, RELIANCE, TCS, FakeBroker
from tests.engine.sessions import SessionBench

FIVE = 300


class Historian(FakeBroker):
    """A broker that knows what every minute really was: 50 shares every five seconds, the price the count of seconds since the open."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities = Capabilities(is_live=True, has_history=True)
        self.asked: list[tuple[str, int]] = []
        self.errors: list[BrokerError | HistoryMissing] = []

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        self.asked.append((instrument.symbol, (end_ns - OPEN_NS) // MINUTE_NS))
        if self.errors:
            raise self.errors.pop(0)
        return truth((end_ns - OPEN_NS) // MINUTE_NS)


def truth(count: int) -> Rows:
    """Return the first minutes of the day as they were."""
    rows = np.zeros(count, BAR)
    number = np.arange(count)
    rows["time_ns"], rows["session_minute"] = OPEN_NS + number * MINUTE_NS, number
    rows["open"] = rows["low"] = 1 + 60 * number
    rows["high"] = rows["close"] = 56 + 60 * number
    rows["volume"] = 600
    return rows


class Day:
    """A market that trades every five seconds, a handler that hears it while the line is up, and a mender."""

    def __init__(self) -> None:
        self.broker = Historian()
        self.clock = self.broker.clock
        self.clock.set(OPEN_NS)
        self.handler = MarketDataHandler(QuoteBoard(), self.clock, max_jump_pct=0.0)
        self.tasks = Tasks()
        self.mender = Mender(self.broker, self.handler, self.clock, self.tasks)
        self.slot, _ = self.handler.subscribe([RELIANCE, TCS])
        for interval_s in (60, FIVE):
            self.handler.want_interval(self.slot, interval_s)
        self.told: dict[int, list[tuple[int, float, float, float]]] = {60: [], FIVE: []}
        self.handler.bars_closed.connect(self._on_bars)
        self.heard_ns = OPEN_NS

    def _on_bars(self, interval_s: int, rows: Rows) -> None:
        for row in rows[rows["instrument"] == self.slot]:
            self.told[interval_s].append((int(row.session_minute), float(row.open), float(row.close), float(row.volume)))

    async def trade(self, until_s: int, *, is_up: bool = True) -> None:
        """Let the market trade until so many seconds after the open; the time is told five seconds late."""
        while (second := (self.clock.now_ns() - OPEN_NS) // SECOND_NS) < until_s:
            if is_up:
                ticks = np.zeros(2, TICK)
                ticks["instrument_token"] = [RELIANCE.token, TCS.token]
                ticks["mode"], ticks["last_price"], ticks["last_quantity"], ticks["volume"] = MODE_QUOTE, second + 1, 50, 10 * (second + 5)
                self.handler.on_ticks(ticks)
                self.heard_ns = self.clock.now_ns()
            self.clock.advance(5)
            self.handler.on_time(self.clock.now_ns() - 5 * SECOND_NS)
            for _ in range(5):
                await asyncio.sleep(0)

    def come_back(self) -> None:
        """The line is up again."""
        self.mender.on_gap([RELIANCE.token, TCS.token, 7], self.heard_ns, self.clock.now_ns())


def bars(*minutes: int, of: int = 1) -> list[tuple[int, float, float, float]]:
    """Return what the bars of so many minutes that begin there should be."""
    return [(m, 1 + 60 * m, 60 * (m + of) - 4, 600 * of) for m in minutes]


def play(story: Callable[[Day], Any], loop_run: Callable[..., Any]) -> Day:
    day = Day()

    async def whole() -> None:
        await story(day)
        await day.tasks.close()

    loop_run(whole())
    return day


def test_without_a_gap_every_bar_is_told_as_it_was(loop_run: Callable[..., Any]) -> None:
    day = play(lambda day: day.trade(605), loop_run)
    assert day.told[60] == bars(*range(10))
    assert day.told[FIVE] == bars(0, 5, of=5)


def test_minutes_that_were_missed_are_fetched_and_told_when_all_of_them_are_over(loop_run: Callable[..., Any]) -> None:
    async def story(day: Day) -> None:
        await day.trade(2 * 60 + 20)
        await day.trade(6 * 60 + 40, is_up=False)
        told = list(day.told[60])
        day.come_back()
        await day.trade(6 * 60 + 45)
        assert day.handler.board.forming[day.slot].volume == 50, "what was traded in the gap is not this minute's"
        await day.trade(7 * 60)
        assert day.told[60] == told, "the minute in progress is not whole, and is not told as if it were"
        await day.trade(7 * 60 + 5)
        assert day.told[60][len(told) :] == bars(2, 3, 4, 5, 6), "what ended in the gap is told again as it really was"
        await day.trade(15 * 60 + 5)
        assert day.told[60][len(told) + 5 :] == bars(*range(7, 15))
        assert day.told[FIVE][0][3] == 1_400, "what ended in the gap was told as far as it was known"
        assert day.told[FIVE][1:] == bars(0, 5, 10, of=5), "and again whole; no later bar has a hole in it"

    day = play(story, loop_run)
    assert day.broker.asked == [("RELIANCE", 7)], "only what somebody waits for is asked"
    minutes = day.handler.history("RELIANCE")
    assert minutes["volume"].tolist() == [600.0] * 15, "the day's own bars are those of history, too"


def test_a_short_break_across_a_minutes_end_is_mended_too(loop_run: Callable[..., Any]) -> None:
    async def story(day: Day) -> None:
        await day.trade(4 * 60 + 55)
        await day.trade(5 * 60 + 5, is_up=False)
        day.come_back()
        await day.trade(10 * 60 + 5)

    day = play(story, loop_run)
    assert day.told[60][-6:-4] == bars(4, 5)
    assert set(day.told[60][-4:]) == set(bars(6, 7, 8, 9))
    assert day.told[FIVE][-2:] == bars(0, 5, of=5)


def test_a_break_inside_a_minute_costs_nothing_of_its_volume(loop_run: Callable[..., Any]) -> None:
    async def story(day: Day) -> None:
        await day.trade(2 * 60 + 10)
        await day.trade(2 * 60 + 40, is_up=False)
        day.come_back()
        await day.trade(5 * 60 + 5)

    day = play(story, loop_run)
    assert day.told[60] == bars(*range(5))
    assert day.broker.asked == []


def test_history_that_comes_late_still_fits_before_the_minutes_heard_meanwhile(loop_run: Callable[..., Any]) -> None:
    async def story(day: Day) -> None:
        await day.trade(2 * 60 + 50)
        await day.trade(3 * 60 + 10, is_up=False)
        day.broker.errors = [ConnectionLost("busy")] * 2
        day.come_back()
        asked = day.broker.history

        async def slowly(instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
            rows = await asked(instrument, interval_s, start_ns, end_ns)
            await day.clock.sleep(70)
            return rows

        day.broker.history = slowly  # type: ignore[method-assign]
        await day.trade(10 * 60 + 5)

    day = play(story, loop_run)
    assert set(bars(2, 3)) <= set(day.told[60])
    assert day.told[FIVE][-2:] == bars(0, 5, of=5), "minutes heard while history was fetched are in the larger bars"
    assert len(day.broker.asked) == 3


@pytest.mark.parametrize("error", [HistoryMissing("none"), BrokerError("no")])
def test_without_history_only_whole_bars_are_told(error: BrokerError | HistoryMissing, loop_run: Callable[..., Any]) -> None:
    async def story(day: Day) -> None:
        day.broker.errors = [error] * 9
        await day.trade(2 * 60 + 20)
        await day.trade(6 * 60 + 40, is_up=False)
        day.come_back()
        await day.trade(15 * 60 + 5)

    day = play(story, loop_run)
    assert len(day.broker.asked) == 3, "it is tried again, but not for ever"
    assert day.told[60][3:] == bars(*range(7, 15))
    assert day.told[FIVE][-1:] == bars(10, of=5)
    assert all(minute != 5 for minute, *_ in day.told[FIVE])


def test_a_broker_without_history_is_not_asked_and_an_empty_answer_changes_nothing(loop_run: Callable[..., Any]) -> None:
    async def story(day: Day) -> None:
        day.broker.capabilities = Capabilities()
        await day.trade(100)
        await day.trade(200, is_up=False)
        day.come_back()
        assert day.tasks.living == 0
        day.handler.mend(day.slot, np.zeros(0, BAR), OPEN_NS)
        assert len(day.told[60]) == 2

    assert play(story, loop_run).broker.asked == []


@pytest.mark.parametrize("is_paper", [False, True])
def test_a_session_hears_of_a_gap_from_its_broker_and_has_it_filled(is_paper: bool, loop_run: Callable[..., Any]) -> None:
    async def story() -> None:
        live = Historian()
        clock = live.clock
        bench = SessionBench(broker=PaperBroker(live) if is_paper else live)  # type: ignore[arg-type]
        await bench.session.open()
        (slot,) = await bench.session.subscribe([RELIANCE])
        bench.session.market_data.want_interval(slot, 60)
        told: list[int] = []
        bench.session.market_data.bars_closed.connect(lambda interval_s, rows: told.extend(rows["session_minute"].tolist()))
        clock.set(OPEN_NS + 6 * MINUTE_NS)
        live.sink.on_gap([RELIANCE.token], OPEN_NS + 2 * MINUTE_NS, clock.now_ns())
        await asyncio.sleep(0)
        clock.advance(63)
        for _ in range(20):
            await asyncio.sleep(0)
        assert live.asked == [("RELIANCE", 7)]
        assert told == [2, 3, 4, 5, 6]
        await bench.close()

    loop_run(story())

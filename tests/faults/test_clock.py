"""Clocks that are wrong, jump, sleep or stand in another country, and calendars that are wrong: nothing new is risked on their word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.errors import OrderRejected
from engine.core.model import LinkState, OrderStatus, TradingState
from tests.engine.fakes import SECOND_NS, FakeBroker
from tests.engine.sessions import SessionBench, turns

S = OrderStatus
ROOT = Path(__file__).resolve().parents[2]
HOUR_NS, DAY_NS = 3_600 * SECOND_NS, 86_400 * SECOND_NS
IST_NS = 19_800 * SECOND_NS
Run = Callable[[Any], Any]


class WrongClock(ManualClock):
    """A machine's clock that can be set; durations are not touched by that."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(start_ns)
        self.off_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.off_ns

    def monotonic_ns(self) -> int:
        return super().now_ns()

    def step(self, seconds: float) -> None:
        self.off_ns += round(seconds * SECOND_NS)


def at(loop_run: Run, scenario: Callable[[SessionBench, WrongClock], Any], limits: dict[str, float], **options: Any) -> None:
    """Run a scenario in an open session by a clock that can be set."""

    async def main() -> None:
        broker = FakeBroker(is_live=options.pop("is_live", False))
        broker.clock = clock = WrongClock(broker.clock.now_ns() + HOUR_NS)
        bench = SessionBench(limits, broker=broker, **options)
        await bench.open()
        try:
            await scenario(bench, clock)
        finally:
            await bench.session.close()

    loop_run(main())


@pytest.mark.parametrize("step_s", [1.0, -1.0, 600.0, -600.0])
def test_a_clock_that_is_set_lets_no_more_messages_through(loop_run: Run, step_s: float) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        sent = [bench.submit(quantity=1 + number) for number in range(4)]
        clock.step(step_s)
        sent += [bench.submit(quantity=10 + number) for number in range(6)]
        assert [order.status for order in sent].count(S.INTENT) == 6, "eight a second, two of them kept for exits"

    at(loop_run, scenario, {"message_rate": 8.0})


@pytest.mark.parametrize("step_s", [600.0, -600.0])
def test_while_a_clock_is_wrong_by_minutes_nothing_is_opened(loop_run: Run, step_s: float) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        clock.step(step_s)
        denied = bench.submit()
        assert denied.status is S.DENIED
        assert "Expected a fresh quote" in denied.message
        clock.step(-step_s)
        bench.quote(100.0)
        assert bench.submit().status is S.INTENT

    at(loop_run, scenario, {"quote_age": 5.0})


@pytest.mark.parametrize("step_s", [1.0, -1.0])
def test_a_second_more_or_less_stops_nobody(loop_run: Run, step_s: float) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        clock.step(step_s)
        assert bench.submit().status is S.INTENT

    at(loop_run, scenario, {"quote_age": 5.0})


@pytest.mark.logs_warnings
def test_after_two_hours_asleep_the_books_are_compared_before_anything_is_opened(loop_run: Run) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        clock.step(7_200.0)  # durations stood still meanwhile, as they do while a machine sleeps
        assert bench.submit().status is S.DENIED
        bench.session.on_link(LinkState.DISCONNECTED, "nothing was heard for 5 s")
        bench.quote(100.0)
        assert bench.submit().status is S.DENIED, "a fresh quote alone is not enough"
        bench.session.on_link(LinkState.LIVE, "")
        await turns(20)
        assert bench.store.kinds().count("RECONCILED") == 2
        assert bench.session.risk.state is TradingState.ACTIVE
        assert bench.submit().status is S.INTENT

    at(loop_run, scenario, {"quote_age": 5.0})


def test_a_day_begins_once_however_often_midnight_passes(loop_run: Run) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        rolled: list[int] = []
        roll = bench.session.positions.roll_day

        def roll_day(*told: Any) -> None:
            rolled.append(clock.now_ns())
            roll(*told)

        bench.session.positions.roll_day = roll_day  # type: ignore[method-assign]
        to_midnight_s = (DAY_NS - (clock.now_ns() + IST_NS) % DAY_NS) / SECOND_NS
        for step_s in (to_midnight_s - 1.0, 2.0, -3.0, 4.0, -600.0, 600.0):
            clock.step(step_s)
            bench.session.on_time(clock.now_ns())
        assert len(rolled) == 1
        clock.step(86_400.0)
        bench.session.on_time(clock.now_ns())
        assert len(rolled) == 2

    at(loop_run, scenario, {})


def test_an_entry_that_waited_for_the_disk_while_the_clock_was_set_back_does_not_leave(loop_run: Run) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        bench.store.holds = True
        order = bench.submit()
        await turns()
        clock.step(-60.0)
        bench.store.release()
        await bench.session.settle()
        assert bench.now(order).status is S.NOT_PLACED
        assert bench.broker.sent == []

    at(loop_run, scenario, {})


PROGRAM = """
from datetime import date
from engine.brokers.zerodha.orders import to_ns
from engine.calendar import Calendar, day_of
from engine.clock import ist
calendar = Calendar.load()
for time_ns in (1795408200 * 10**9, 1774727999 * 10**9, 1774729801 * 10**9, 1793496600 * 10**9):
    print(ist(time_ns).isoformat(), day_of(time_ns), calendar.phase(None, time_ns))
for day in (date(2026, 3, 27), date(2026, 11, 2)):
    print(calendar.session_open_ns(day))
print(to_ns("2026-03-29 02:30:00"), to_ns("2026-11-01 01:30:00"))
"""
"""Moments around the changes of European and American summer time."""


def _printed(zone: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=os.environ | {"TZ": zone}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="takes its zone from the environment, as Unix does")
def test_the_zone_of_the_machine_and_its_summer_time_change_nothing() -> None:
    at_home = _printed("Asia/Kolkata")
    assert "2026-11-23T10:00:00+05:30 2026-11-23" in at_home
    assert _printed("America/New_York") == at_home
    assert _printed("Europe/London") == at_home


@pytest.mark.parametrize(
    ("day", "hour", "minute", "is_taken"),
    [
        ("2026-11-23", 10, 0, True),  # an ordinary Monday
        ("2026-11-22", 10, 0, False),  # a Sunday
        ("2026-12-25", 10, 0, False),  # a holiday
        ("2026-11-23", 8, 59, False),  # before the opening
        ("2026-11-23", 18, 0, False),  # after the close
        ("2026-11-08", 10, 0, False),  # a Sunday with one hour in the evening
    ],
)
def test_outside_the_hours_nothing_is_opened(loop_run: Run, day: str, hour: int, minute: int, *, is_taken: bool) -> None:
    since_1970 = (date.fromisoformat(day) - date(1970, 1, 1)).days
    wanted_ns = since_1970 * DAY_NS - IST_NS + (hour * 60 + minute) * 60 * SECOND_NS

    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        clock.step((wanted_ns - clock.now_ns()) / SECOND_NS)
        assert (bench.submit().status is S.INTENT) is is_taken

    at(loop_run, scenario, {"market_hours": 1.0}, calendar=Calendar.load())


@pytest.mark.logs_warnings
def test_a_market_that_is_shut_against_the_calendar_refuses_and_nothing_stays_reserved(loop_run: Run) -> None:
    async def scenario(bench: SessionBench, clock: WrongClock) -> None:
        bench.broker.answers = [OrderRejected("Markets are closed right now.")]
        order = bench.submit()
        await bench.session.settle()
        assert bench.now(order).status is S.REJECTED
        assert "Markets are closed" in bench.now(order).message
        assert len(bench.session.risk.reservations) == 0

    at(loop_run, scenario, {})

"""Some minutes of the day in which something goes wrong all the time; `python -m tests.faults.day` runs all of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.day import FAULTS, Look, a_day, slope

MINUTES, APART_S = 12, 20.0


@pytest.mark.skipif(sys.platform == "win32", reason="types on a console of Unix")
def test_minutes_full_of_faults_lose_nothing_and_leave_nothing_behind(tmp_path: Path) -> None:
    with a_day(tmp_path, scale=40, seed=7, instruments=100, begin="2026-11-23 10:00:00") as day:
        began_ns = day.now_ns()
        day.look(began_ns)
        day.trade(began_ns + MINUTES * 60 * 10**9, APART_S)
        first, last = day.looks[0], day.looks[-1]
        assert day.broken == []
        assert day.orders >= 10, "the strategy trades through it"
        assert sum(day.faults.values()) >= 20
        assert last.tasks <= first.tasks + 12, "fewer than one in three faults"


def test_every_fault_is_one_that_the_exchange_knows(tmp_path: Path) -> None:
    with a_day(tmp_path, scale=40, seed=1, instruments=20, begin="2026-11-23 10:00:00") as day:
        for fault in FAULTS.values():
            fault(day.exchange, day.random)
        assert day.exchange.control("faults")


def test_the_slope_is_that_of_the_hours_after_the_first() -> None:
    looks = [Look(hour, 400.0 + (50.0 if hour < 1 else 0.0) + 3.0 * hour, 1, 1, 1) for hour in (0.25, 0.5, 1.0, 1.5, 2.0, 3.5)]
    assert slope(looks) == pytest.approx(3.0)
    assert slope(looks[:2]) == 0.0

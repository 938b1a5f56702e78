"""Bars of the past: in pieces the broker allows, asked for once, whole after a break, and closed ones only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.zerodha.history import DAY_NS, DAY_S, INTERVALS, KiteHistory, cut, joined, to_bars, without
from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.errors import ConnectionLost, HistoryMissing
from tests.engine.brokers.zerodha.rows import INFY, NIFTY_CE

SECOND = 1_000_000_000
_IST = timedelta(hours=5, minutes=30)


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> int:
    return int(datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp() - 19_800) * SECOND


NOW = at(20, 12)  # a Friday


class Rest:
    """Has a bar for every interval of every trading hour asked for; breaks where it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.breaks_at = -1

    async def read(self, call: Any, method: str, route: str, *, url_args: dict[str, Any], params: dict[str, Any]) -> Any:
        if len(self.asked) == self.breaks_at:
            self.breaks_at = -1
            raise ConnectionLost("gone")
        self.asked.append(url_args | params)
        start, end = (datetime.fromisoformat(params[name]) for name in ("from", "to"))
        seconds = next(s for s, (name, _) in INTERVALS.items() if name == url_args["interval"])
        candles, day = [], start.replace(hour=0, minute=0, second=0)
        while day <= end:
            times = [day] if seconds == DAY_S else [day + timedelta(hours=9, minutes=15, seconds=s) for s in range(0, 22_500, seconds)]
            hits = [t for t in times if start <= t <= end] if day.weekday() < 5 else []
            candles += [[f"{t.isoformat()}+0530", 100.0, 101.0, 99.0, 100.5, 10, *([7] if params["oi"] else [])] for t in hits]
            day += timedelta(days=1)
        return {"candles": candles}


def make(rest: Rest, folder: Path | None, now_ns: int = NOW) -> tuple[KiteHistory, ManualClock]:
    clock = ManualClock(now_ns)
    return KiteHistory(rest, clock, Calendar.load(), folder), clock  # type: ignore[arg-type]


def test_a_long_time_is_asked_for_in_pieces_and_told(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    history, _ = make(rest, tmp_path)
    told: list[tuple[int, int]] = []
    start_ns = NOW - 130 * DAY_NS
    rows = loop_run(history.bars(INFY, 60, start_ns, NOW, lambda done, total, what: told.append((done, total))))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert (np.diff(rows["time_ns"]) > 0).all()
    assert rows["time_ns"][0] >= start_ns
    assert rows["time_ns"][-1] == at(20, 11, 59)
    assert set(rows["session_minute"][-165:].tolist()) == set(range(165))
    for one in rest.asked:
        assert datetime.fromisoformat(one["to"]) - datetime.fromisoformat(one["from"]) < timedelta(days=60)


def test_what_was_fetched_is_not_asked_for_again_but_for_the_last_minutes(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    history, clock = make(rest, tmp_path)
    loop_run(history.bars(INFY, 60, at(18, 0), NOW))
    clock.advance(600)
    again, _ = make(rest, tmp_path, NOW + 600 * SECOND)
    rows = loop_run(again.bars(INFY, 60, at(18, 0), NOW + 600 * SECOND))
    assert len(rest.asked) == 2
    assert rest.asked[1]["from"] == "2026-11-20 11:57:00"
    assert rows["time_ns"][-1] == at(20, 12, 9)
    loop_run(again.bars(INFY, 60, at(18, 0), at(19, 0)))
    assert len(rest.asked) == 2


def test_broken_off_it_goes_on_where_it_was(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    rest.breaks_at = 2
    history, _ = make(rest, tmp_path)
    with pytest.raises(ConnectionLost):
        loop_run(history.bars(INFY, 60, NOW - 130 * DAY_NS, NOW))
    rows = loop_run(history.bars(INFY, 60, NOW - 130 * DAY_NS, NOW))
    assert len(rest.asked) <= 4
    whole, _ = make(Rest(), tmp_path / "other")
    assert (rows == loop_run(whole.bars(INFY, 60, NOW - 130 * DAY_NS, NOW))).all()


def test_only_closed_bars_are_told(loop_run: Any, tmp_path: Path) -> None:
    history, _ = make(Rest(), tmp_path, at(20, 12, 2))
    rows = loop_run(history.bars(INFY, 300, at(20, 0), at(20, 23)))
    assert rows["time_ns"][-1] == at(20, 11, 55)
    days = loop_run(history.bars(INFY, DAY_S, at(16, 0), at(20, 23)))
    assert days["time_ns"].tolist() == [at(day, 9, 15) for day in (16, 17, 18, 19)]


def test_an_interval_that_the_broker_does_not_have_is_made_of_minutes(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    history, _ = make(rest, tmp_path)
    rows = loop_run(history.bars(INFY, 120, at(20, 9, 15), at(20, 9, 25)))
    assert [one["interval"] for one in rest.asked] == ["minute"]
    assert np.diff(rows["time_ns"]).tolist() == [120 * SECOND] * (len(rows) - 1)
    assert rows["volume"].tolist()[:4] == [20.0] * 4


def test_open_interest_is_asked_for_where_there_is_any(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    history, _ = make(rest, tmp_path)
    assert loop_run(history.bars(NIFTY_CE, 60, at(20, 9, 15), at(20, 9, 20)))["oi"].tolist() == [7.0] * 5
    assert loop_run(history.bars(INFY, 60, at(20, 9, 15), at(20, 9, 20)))["oi"].tolist() == [0.0] * 5
    assert [one["oi"] for one in rest.asked] == [1, 0]


def test_nothing_is_kept_without_a_folder_and_nothing_found_is_said(loop_run: Any) -> None:
    rest = Rest()
    history, _ = make(rest, None)
    for _ in range(2):
        assert len(loop_run(history.bars(INFY, 60, at(20, 9, 15), at(20, 9, 20)))) == 5
    assert len(rest.asked) == 2
    with pytest.raises(HistoryMissing):
        loop_run(history.bars(INFY, 60, at(14, 0), at(16, 0)))
    with pytest.raises(HistoryMissing):
        loop_run(history.bars(INFY, 60, NOW + DAY_NS, NOW + 2 * DAY_NS))


def test_candles_are_read_as_indias_time() -> None:
    rows = to_bars([["2026-11-20T09:15:00+0530", 1, 2, 0.5, 1.5, 9], ["2026-11-20T09:16:00+0530", 1, 2, 0.5, 1.5, 9, 3]])
    assert rows["time_ns"].tolist() == [at(20, 9, 15), at(20, 9, 16)]
    assert (rows["open"][0], rows["high"][0], rows["low"][0], rows["close"][0], rows["volume"][0]) == (1, 2, 0.5, 1.5, 9)
    assert rows["oi"].tolist() == [0, 3]
    assert len(to_bars([])) == 0


def test_stretches_are_cut_joined_and_subtracted() -> None:
    assert list(cut((0, 25), 10)) == [(15, 25), (5, 15), (0, 5)]
    assert joined([(5, 7), (0, 3), (3, 4), (6, 9)]) == [(0, 4), (5, 9)]
    assert without([(0, 10)], [(2, 4), (6, 20)]) == [(0, 2), (4, 6)]
    assert without([(0, 10)], [(0, 10)]) == []

"""What was added to the archive comes back, in order, once, and never half."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import DataError, HistoryMissing
from engine.core.records import BAR, TICK, Rows
from engine.history import History
from engine.history.archive import latest_by_time

DAY = date(2025, 10, 29)
NINE_FIFTEEN = 1_761_709_500


def bars(*minutes: int, close: float = 100.0) -> Rows:
    rows = np.zeros(len(minutes), dtype=BAR)
    rows["time_ns"] = [(NINE_FIFTEEN + 60 * minute) * 10**9 for minute in minutes]
    rows["session_minute"] = minutes
    for name in ("open", "high", "low", "close"):
        rows[name] = close
    rows["volume"], rows["oi"] = 7, 9
    return rows


def ticks(*seconds: int, price: float = 100.0) -> Rows:
    rows = np.zeros(len(seconds), dtype=TICK)
    rows["exchange_time"] = [NINE_FIFTEEN + second for second in seconds]
    rows["last_price"] = price + np.arange(len(seconds))
    rows["depth"]["price"][:, 1, 4] = 101.5
    rows["depth"]["orders"][:, 0, 0] = 3
    return rows


def test_bars_come_back_as_they_went(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.add("NSE:M&M", 60, bars(0, 1, 2)) == 3
    assert History(tmp_path).bars("NSE:M&M", 60).tolist() == bars(0, 1, 2).tolist()
    assert history.stored() == [("NSE:M&M", 60)]


def test_of_two_bars_of_one_time_the_later_told_stays(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add("NSE:TCS", 60, bars(3, 1, 2))
    assert history.add("NSE:TCS", 60, bars(2, 0, close=99.0)) == 4
    found = history.bars("NSE:TCS", 60)
    assert found["session_minute"].tolist() == [0, 1, 2, 3]
    assert found["close"].tolist() == [99, 100, 99, 100]


@given(st.lists(st.integers(0, 50), max_size=60))
@settings(deadline=None, max_examples=50)
def test_latest_by_time_keeps_one_of_each_time(minutes: list[int]) -> None:
    rows = bars(*minutes)
    rows["volume"] = np.arange(len(rows))
    kept = latest_by_time(rows)
    last = {minute: place for place, minute in enumerate(minutes)}
    assert dict(zip(kept["session_minute"].tolist(), kept["volume"].tolist(), strict=True)) == last
    assert kept["session_minute"].tolist() == sorted(last)


def test_a_stretch_of_time_starts_with_its_start_and_ends_before_its_end(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add("NSE:TCS", 60, bars(0, 1, 2, 3))
    times = bars(0, 1, 2, 3)["time_ns"]
    assert history.bars("NSE:TCS", 60, int(times[1]), int(times[3]))["session_minute"].tolist() == [1, 2]
    assert history.bars("NSE:TCS", 60, int(times[1]) + 1)["session_minute"].tolist() == [2, 3]
    with pytest.raises(HistoryMissing, match="No bars of NSE:TCS at 60 s"):
        history.bars("NSE:TCS", 60, int(times[3]) + 1)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    history = History(tmp_path / "nothing")
    with pytest.raises(HistoryMissing, match="import them"):
        history.bars("NSE:TCS", 300)
    with pytest.raises(HistoryMissing, match="No ticks of NSE:TCS on 2025-10-29"):
        history.ticks("NSE:TCS", DAY)
    assert history.stored() == history.tick_days("NSE:TCS") == []
    assert history.add("NSE:TCS", 60, bars()) == 0
    assert history.add_ticks("NSE:TCS", ticks()) == 0
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    "key", ["NSE:../../../etc/passwd", "NSE:..", "NSE:CON", "NSE:NIFTY 50", "NSE:A/B", "NFO:NIFTY25NOV25000.5PE", "NSE:A%B", "TCS"]
)
def test_no_name_leads_out_of_the_archive(tmp_path: Path, key: str) -> None:
    history = History(tmp_path / "archive")
    history.add(key, 60, bars(0))
    assert len(history.bars(key, 60)) == 1
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file.relative_to(tmp_path / "archive").parts[0] == "bars"
    assert len(file.relative_to(tmp_path / "archive").parts) == 4
    assert history.stored() == [(key.upper() if ":" in key else f"NSE:{key}", 60)]
    assert file.parent.name.upper() != "CON"


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(tmp_path)
    history.add("NSE:TCS", 60, bars(0))

    def no_space(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        history.add("NSE:TCS", 60, bars(1))
    assert history.bars("NSE:TCS", 60)["session_minute"].tolist() == [0]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["60.parquet"]


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add("NSE:TCS", 60, bars(0))
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match="delete it and import them again"):
        history.bars("NSE:TCS", 60)


def test_a_file_that_is_not_ours_is_not_listed(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add("NSE:TCS", 60, bars(0))
    next(tmp_path.rglob("*.parquet")).with_name("notes.parquet").touch()
    assert history.stored() == [("NSE:TCS", 60)]


def test_ticks_come_back_with_their_depth_by_days(tmp_path: Path) -> None:
    history = History(tmp_path)
    told = ticks(0, 0, 5, 86_400)
    assert history.add_ticks("NSE:TCS", told) == 4
    assert history.tick_days("NSE:TCS") == [DAY, date(2025, 10, 30)]
    found = History(tmp_path).ticks("NSE:TCS", DAY)
    assert bool((found == told[:3]).all())
    assert found["depth"]["price"][2, 1].tolist() == [0, 0, 0, 0, 101.5]


def test_ticks_told_again_replace_their_seconds(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add_ticks("NSE:TCS", ticks(0, 0, 5, 9))
    assert history.add_ticks("NSE:TCS", ticks(0, 0, 5, 9)) == 4
    assert history.add_ticks("NSE:TCS", ticks(5, 5, 7, price=50.0)) == 6
    found = history.ticks("NSE:TCS", DAY)
    assert (found["exchange_time"] - NINE_FIFTEEN).tolist() == [0, 0, 5, 5, 7, 9]
    assert found["last_price"].tolist() == [100, 101, 50, 51, 52, 103]

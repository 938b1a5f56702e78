"""Windows, resampling and the ticks of a bar, on hand-made bars, random ones and a vendor's own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import bars
from engine.core.bars import MINUTE_NS, SECOND_NS, extend, open_of, resample, ticks_of, window_start
from engine.core.errors import InvalidOption
from engine.core.records import BAR, MODE_INDEX, Rows

OPEN_NS = int(datetime(2025, 10, 29, 3, 45, tzinfo=UTC).timestamp()) * SECOND_NS  # 09:15 IST
DAY_NS = 86_400 * SECOND_NS


def minutes(count: int, *, open_ns: int = OPEN_NS, first: int = 0, instrument: int = 0, price: float = 100.0) -> Rows:
    rows = np.zeros(count, dtype=BAR)
    rows["session_minute"] = np.arange(first, first + count)
    rows["time_ns"] = open_ns + rows["session_minute"].astype(np.int64) * MINUTE_NS
    rows["instrument"] = instrument
    rows["open"] = price + np.arange(count)
    rows["high"] = rows["open"] + 2
    rows["low"] = rows["open"] - 1
    rows["close"] = rows["open"] + 1
    rows["volume"] = 10
    rows["oi"] = np.arange(count)
    return rows


def one_bar(open_: float, high: float, low: float, close: float, volume: float = 100.0) -> Rows:
    rows = minutes(1)
    rows[0].open, rows[0].high, rows[0].low, rows[0].close, rows[0].volume = open_, high, low, close, volume
    return rows


@pytest.mark.parametrize(
    ("second", "interval_s", "expected"),
    [(0, 60, 0), (59, 60, 0), (60, 60, 60), (899, 900, 0), (900, 900, 900), (3_725, 3_600, 3_600), (-1, 60, -60), (-480, 300, -600)],
)
def test_windows_are_counted_from_the_open_also_before_it(second: int, interval_s: int, expected: int) -> None:
    assert window_start(OPEN_NS + second * SECOND_NS, interval_s, OPEN_NS) == OPEN_NS + expected * SECOND_NS


def test_the_open_of_a_session_is_known_from_a_bar_also_below_a_minute() -> None:
    rows = minutes(1, first=7)
    rows["time_ns"] += 30 * SECOND_NS
    assert open_of(rows[0]) == OPEN_NS


def test_extending_takes_the_extremes_the_last_close_and_all_volume() -> None:
    first, later = one_bar(100, 105, 99, 101)[0], one_bar(101, 103, 95, 96, 50)[0]
    later.oi = 7
    extend(first, later)
    assert (first.open, first.high, first.low, first.close, first.volume, first.oi) == (100, 105, 95, 96, 150, 7)


def test_resampling_anchors_at_the_open_and_keeps_the_short_last_window() -> None:
    made = resample(minutes(375), 3_600)
    assert list(made["session_minute"]) == [0, 60, 120, 180, 240, 300, 360]
    assert list(made["time_ns"] - OPEN_NS) == [m * MINUTE_NS for m in (0, 60, 120, 180, 240, 300, 360)]
    assert list(made["volume"]) == [600.0] * 6 + [150.0]
    assert (made[0].open, made[0].high, made[0].low, made[0].close, made[0].oi) == (100, 161, 99, 160, 59)


def test_resampling_never_runs_over_a_night() -> None:
    rows = np.concatenate([minutes(3, first=372), minutes(3, open_ns=OPEN_NS + DAY_NS)])
    made = resample(rows, DAY_NS // SECOND_NS * 2)
    assert list(made["time_ns"]) == [OPEN_NS, OPEN_NS + DAY_NS]


def test_resampling_can_be_anchored_at_another_minute() -> None:
    made = resample(minutes(40), 1_800, open_minute=15)
    assert list(made["session_minute"]) == [-15, 15]
    assert list(made["volume"]) == [150.0, 250.0]


def test_resampling_keeps_instruments_apart_and_orders_by_time() -> None:
    one, two = minutes(10, instrument=1, price=50.0), minutes(10, instrument=0)
    mixed = np.concatenate([one, two])
    mixed = mixed[np.argsort(mixed["time_ns"], kind="stable")]
    made = resample(mixed, 300)
    assert list(zip(made["instrument"], made["session_minute"], strict=True)) == [(0, 0), (1, 0), (0, 5), (1, 5)]
    for instrument, rows in ((1, one), (0, two)):
        assert np.array_equal(made[made["instrument"] == instrument], resample(rows, 300))


def test_resampling_nothing_gives_nothing_and_a_bad_interval_is_refused() -> None:
    assert len(resample(np.zeros(0, dtype=BAR), 60)) == 0
    with pytest.raises(InvalidOption, match="at least 1 s, was 0"):
        resample(minutes(1), 0)


def test_resampling_does_not_touch_what_it_was_given() -> None:
    rows = minutes(10)
    before = rows.copy()
    resample(rows, 300)
    assert np.array_equal(rows, before)


@pytest.mark.parametrize(("name", "interval_s"), [("15min_200days", 900), ("30min_60days", 1_800), ("60min_60days", 3_600)])
def test_minutes_of_a_vendor_give_its_own_larger_bars(shared_data: Path, name: str, interval_s: int) -> None:
    import pandas as pd

    def read(file: str) -> Rows:
        frame = pd.read_csv(shared_data / "bars_multi_interval" / f"RELIANCE_{file}.csv.gz", parse_dates=["date"])
        rows = np.zeros(len(frame), dtype=BAR)
        rows["time_ns"] = frame["date"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
        local_minute = (rows["time_ns"] // MINUTE_NS + 330) % 1_440
        rows["session_minute"] = local_minute - 555
        for column in ("open", "high", "low", "close", "volume"):
            rows[column] = frame[column]
        return rows

    made, theirs = resample(read("1min_60days"), interval_s), read(name)
    theirs = theirs[theirs["time_ns"] >= made["time_ns"][0]]
    assert len(made) == len(theirs) > 250
    assert np.array_equal(made, theirs)


prices = st.integers(1, 40_000).map(lambda n: round(n * 0.05, 2))


@st.composite
def any_bar(draw: st.DrawFn) -> Rows:
    low, high = sorted((draw(prices), draw(prices)))
    inside = st.integers(round(low * 20), round(high * 20)).map(lambda n: round(n / 20, 2))
    return one_bar(draw(inside), high, low, draw(inside), draw(st.integers(0, 10**7)))


def as_bar(ticks: Rows, previous_volume: int) -> tuple[float, ...]:
    last = ticks["last_price"]
    return (last[0], last.max(), last.min(), last[-1], float(ticks["volume"][-1] - previous_volume))


@settings(deadline=None, max_examples=150)
@given(any_bar(), st.integers(4, 61), st.integers(0, 10**9))
def test_ticks_of_a_bar_are_on_its_grid_in_its_time_and_make_exactly_that_bar(rows: Rows, count: int, previous_volume: int) -> None:
    bar = rows[0]
    ticks = ticks_of(bar, count, previous_volume, token=738561)
    assert as_bar(ticks, previous_volume) == (bar.open, bar.high, bar.low, bar.close, bar.volume)
    assert np.array_equal(ticks["last_price"], np.round(np.round(ticks["last_price"] / 0.05) * 0.05, 2))
    assert ticks["last_quantity"].sum() == bar.volume
    assert (np.diff(ticks["exchange_time"]) >= 0).all()
    assert (ticks["exchange_time"] >= bar.time_ns // SECOND_NS).all()
    assert (ticks["exchange_time"] < bar.time_ns // SECOND_NS + 60).all()
    assert (ticks["instrument_token"] == 738561).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(1.0, 5_000.0), min_size=4, max_size=4), st.integers(4, 20))
def test_ticks_of_a_bar_off_the_grid_still_make_exactly_that_bar(values: list[float], count: int) -> None:
    low, a, b, high = sorted(values)
    for open_, close in ((a, b), (b, a)):
        bar = one_bar(open_, high, low, close, 12.0)[0]
        assert as_bar(ticks_of(bar, count), 0) == (open_, high, low, close, 12.0)


def test_ticks_carry_mode_and_open_interest_and_need_four() -> None:
    bar = one_bar(100, 102, 99, 101)[0]
    bar.oi = 5
    assert set(ticks_of(bar, mode=MODE_INDEX)["mode"]) == {MODE_INDEX}
    assert set(ticks_of(bar)["oi"]) == {5}
    bar.oi = np.nan
    assert set(ticks_of(bar)["oi"]) == {0}
    with pytest.raises(InvalidOption, match="at least 4 ticks a bar, was 3"):
        ticks_of(bar, 3)


def test_compiled_and_plain_give_the_same() -> None:
    rows = minutes(375)
    plain = ticks_of(rows[3], 11, 70)
    for function in (bars.fill_ticks, bars.window_start, bars.open_of, bars.extend):
        function.compile()
    assert np.array_equal(plain, ticks_of(rows[3], 11, 70))
    assert window_start(OPEN_NS - 1, 300, OPEN_NS) == window_start.py_func(OPEN_NS - 1, 300, OPEN_NS)
    pairs = [(rows[0].copy(), rows[1]) for _ in range(2)]
    extend(*pairs[0])
    extend.py_func(*pairs[1])
    assert pairs[0][0] == pairs[1][0]
    assert open_of(rows[9]) == OPEN_NS

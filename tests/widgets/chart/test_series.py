from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.bars import resample
from engine.core.records import BAR, Rows
from widgets.chart.reduction import group_size, reduced
from widgets.chart.series import Series

OPEN_NS, MINUTE_NS = 1_762_141_500_000_000_000, 60_000_000_000


def same(one: Rows, other: Rows) -> bool:
    return len(one) == len(other) and all(np.array_equal(one[name], other[name]) for name in BAR.names or ())


def test_minutes_that_close_grow_the_same_bars_as_history_has(minutes: Any) -> None:
    rows = minutes(47)
    series = Series(300)
    for bar in rows:
        series.on_closed(60, bar)
    assert same(series.rows, resample(rows, 300))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.sampled_from([60, 180, 300, 900]), st.integers(1, 40), st.booleans())
def test_history_then_live_equals_history_alone(taken: int, interval_s: int, live: int, has_partial: bool) -> None:
    rows = _minutes(taken + live)
    history = resample(rows[:taken], interval_s)
    series = Series(interval_s)
    series.load(history, int(rows[taken]["time_ns"]))
    for bar in rows[taken:]:
        forming = bar.copy()
        forming.close = forming.high
        forming.volume = bar.volume / 2
        if has_partial:
            series.on_forming(forming)
            series.on_forming(bar)
        series.on_closed(60, bar)
        series.on_forming(bar)
    assert same(series.rows, resample(rows, interval_s))


def _minutes(count: int) -> Rows:
    rows = np.zeros(count, dtype=BAR)
    at = np.arange(count)
    rows["time_ns"], rows["session_minute"] = OPEN_NS + at * MINUTE_NS, at
    rows["open"], rows["close"] = 100 + at % 7, 100 + (at + 3) % 7
    rows["high"], rows["low"], rows["volume"] = 110 + at % 5, 90 - at % 3, 10 + at
    return rows


def test_the_forming_minute_is_part_of_the_last_bar_and_is_not_counted_twice(minutes: Any) -> None:
    rows = minutes(8)
    series = Series(300)
    series.load(resample(rows[:6], 300), int(rows[6]["time_ns"]))
    assert series.on_forming(rows[6])
    assert series.last.volume == rows["volume"][5] + rows["volume"][6]
    assert not series.on_forming(rows[6]), "nothing new"
    series.on_closed(60, rows[6])
    assert not series.on_forming(rows[6]), "it has closed"
    assert series.last.volume == rows["volume"][5] + rows["volume"][6]
    assert len(series) == 2


def test_a_bar_closed_as_a_whole_replaces_what_was_made_of_minutes(minutes: Any) -> None:
    rows = minutes(5)
    series = Series(300)
    series.on_closed(60, rows[0])
    whole = resample(rows, 300)[0]
    assert series.on_closed(300, whole)
    assert same(series.rows, resample(rows, 300))
    assert not series.on_closed(60, rows[4])
    assert not series.on_forming(rows[4])


def test_what_is_late_or_of_another_interval_changes_nothing(minutes: Any) -> None:
    rows = minutes(10)
    series = Series(60)
    series.load(rows)
    assert not series.on_closed(300, rows[0])
    assert not series.on_closed(60, rows[3])
    assert not series.on_forming(np.zeros(1, dtype=BAR)[0])
    assert same(series.rows, rows)


def test_a_new_session_begins_a_new_bar(minutes: Any) -> None:
    rows = minutes(3)
    other = minutes(2)
    other["time_ns"] += 24 * 60 * MINUTE_NS
    series = Series(300)
    for bar in (*rows, *other):
        series.on_closed(60, bar)
    assert list(series.times) == [OPEN_NS, OPEN_NS + 24 * 60 * MINUTE_NS]


def test_it_grows_beyond_its_first_room(minutes: Any) -> None:
    series = Series(60)
    assert series.last is None
    for bar in minutes(1_100):
        series.on_closed(60, bar)
    assert len(series) == 1_100
    series.load(minutes(5_000))
    assert len(series) == 5_000


def test_a_moment_has_its_bar(minutes: Any) -> None:
    series = Series(60)
    series.load(minutes(5))
    assert [series.place(OPEN_NS + offset) for offset in (-1, 0, 59_000_000_000, MINUTE_NS)] == [-1, 0, 0, 1]


@pytest.mark.parametrize(("pixels", "size"), [(8.0, 1), (1.5, 1), (0.5, 3), (0.1, 15), (0.0, 1)])
def test_bars_are_drawn_together_when_there_are_more_than_pixels(pixels: float, size: int) -> None:
    assert group_size(pixels) == size


def test_drawn_together_the_extremes_open_close_and_volume_survive(minutes: Any) -> None:
    rows = minutes(103)
    x, made = reduced(rows, 13, 98, 10)
    assert len(made) == 9
    assert made["high"].max() == rows["high"][10:100].max()
    assert made["low"].min() == rows["low"][10:100].min()
    assert made["volume"].sum() == rows["volume"][10:100].sum()
    assert made["open"][0] == rows["open"][10]
    assert made["close"][0] == rows["close"][19]
    assert x[0] == 14.5
    again, _ = reduced(rows, 15, 98, 10)
    assert np.array_equal(x, again), "groups do not move with the view"
    x, tail = reduced(rows, 95, 103, 10)
    assert (x[-1], tail["close"][-1]) == (101.0, rows["close"][102])
    assert np.array_equal(reduced(rows, 3, 9, 1)[0], np.arange(3.0, 9.0))

"""Ticks made of bars: they make exactly those bars again, and are those that the law makes of one bar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar_builder import BarBuilder
from engine.brokers.simulated.bar_ticks import TICKS_A_BAR, day_figures, ticks_of_bars
from engine.brokers.simulated.timeline import Timeline
from engine.core.bars import MINUTE_NS, ticks_of
from engine.core.errors import HistoryMissing
from engine.core.records import MODE_QUOTE, Rows
from engine.view import QuoteBoard
from tests.engine.brokers.sessions import OPEN_NS, RELIANCE, TCS, bars_of, minute

DAY_NS = 86_400 * 1_000_000_000


@st.composite
def days(draw: st.DrawFn) -> Rows:
    """One or two days of bars on the grid, with holes and empty minutes."""
    parts = []
    for day in range(draw(st.integers(1, 2))):
        minutes = sorted(draw(st.sets(st.integers(0, 374), min_size=1, max_size=12)))
        rows = bars_of(*[(0, 0, 0, 0)] * len(minutes))
        for row, number in zip(rows, minutes, strict=True):
            prices = sorted(draw(st.lists(st.integers(1_000, 1_060), min_size=4, max_size=4)))
            ends = draw(st.permutations([prices[1], prices[2]]))
            row.time_ns, row.session_minute = OPEN_NS + day * DAY_NS + number * MINUTE_NS, number
            row.low, row.high, row.open, row.close = (round(p * 0.05, 2) for p in (prices[0], prices[3], *ends))
            row.volume, row.oi = draw(st.integers(0, 10_000)), draw(st.integers(0, 99))
        parts.append(rows)
    return np.concatenate(parts)


def made_of(frames: list[Rows]) -> Rows:
    """Let the terminal's own bar maker hear the ticks, a frame a bar."""
    board = QuoteBoard()
    builder = BarBuilder(board, lambda instrument, day: OPEN_NS + (day - (OPEN_NS + 19_800 * 10**9) // DAY_NS) * DAY_NS)
    builder.watch(board.add(RELIANCE), RELIANCE, 0)
    closed = []
    for frame in frames:
        end = int(frame["exchange_time"][0]) * 10**9 // MINUTE_NS * MINUTE_NS + MINUTE_NS
        closed += [builder.take(frame, end).closed, builder.close_minutes(end)]
    return np.concatenate(closed)


@settings(max_examples=40, deadline=None)
@given(days())
def test_ticks_of_bars_make_exactly_those_bars_again(rows: Rows) -> None:
    timeline = Timeline({RELIANCE: rows}, 60)
    coarse = [timeline.ticks(i, i + 1) for i in range(len(rows))]
    fine = [timeline.fine_ticks(i, i + 1, 20)[0] for i in range(len(rows))]
    for frames in (coarse, fine):
        again = made_of(frames)
        for name in ("time_ns", "session_minute", "open", "high", "low", "close", "volume", "oi"):
            assert np.array_equal(again[name], rows[name]), name


@settings(max_examples=40, deadline=None)
@given(days())
def test_many_bars_at_once_give_the_ticks_of_each(rows: Rows) -> None:
    count = len(rows)
    figures = day_figures(rows)
    ticks = ticks_of_bars(rows, figures, np.full(count, 7), np.full(count, MODE_QUOTE, dtype=np.int8), 60).reshape(count, TICKS_A_BAR)
    for bar, figure, made in zip(rows, figures, ticks, strict=True):
        single = ticks_of(bar, TICKS_A_BAR, int(figure.volume), token=7)
        for name in ("instrument_token", "last_price", "last_quantity", "volume", "oi", "exchange_time", "last_trade_time"):
            assert np.array_equal(made[name], single[name]), name


def test_the_days_figures_run_on_and_begin_anew_with_the_day() -> None:
    first = bars_of((100, 104, 98, 101), (101, 103, 97, 102), volume=40)
    second = bars_of((110, 111, 109, 110), open_ns=OPEN_NS + DAY_NS, volume=40)
    timeline = Timeline({RELIANCE: np.concatenate([first, second])})
    last = [timeline.ticks(i, i + 1)[-1] for i in range(3)]
    assert [(t.open, t.high, t.low, t.close, t.volume) for t in last] == [
        (100, 104, 98, 0, 40),
        (100, 104, 97, 0, 80),
        (110, 111, 109, 102, 40),
    ]
    assert last[2].average_price == pytest.approx((110 + 109 + 111 + 110) / 4)


def test_a_days_first_ticks_know_no_more_than_what_came() -> None:
    tick = Timeline({RELIANCE: bars_of((100, 104, 98, 101))}).ticks(0, 1)[0]
    assert (tick.open, tick.high, tick.low, tick.last_price, tick.volume) == (100, 100, 100, 100, 25)


def test_instruments_are_merged_in_order_of_time_and_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.brokers.simulated.timeline.BLOCK", 3)
    rows = bars_of(*[(100.0 + i, 101.0 + i, 99.0 + i, 100.5 + i) for i in range(9)])
    timeline = Timeline({TCS: rows, RELIANCE: rows[4:]})
    assert timeline.times == [minute(i) for i in range(9)]
    assert timeline.numbers == [0] * 4 + [0, 1] * 5
    for step in range(9):
        first, end = timeline.bounds[step], timeline.bounds[step + 1]
        ticks = timeline.ticks(first, end)
        assert list(ticks["instrument_token"]) == [TCS.token] * 4 + [RELIANCE.token] * (4 if step >= 4 else 0)
        assert set(ticks["last_price"][:4]) == {100.0 + step, 101.0 + step, 99.0 + step, 100.5 + step}


def test_the_interval_is_the_most_common_distance() -> None:
    five = bars_of(*[(1, 1, 1, 1)] * 4)
    five["time_ns"] = [minute(n) for n in (0, 5, 10, 30)]
    assert Timeline({RELIANCE: five}).interval_s == 300
    assert Timeline({RELIANCE: five[:1]}).interval_s == 60
    assert Timeline({RELIANCE: five}, 900).interval_s == 900


def test_history_of_what_is_not_replayed_is_missing() -> None:
    timeline = Timeline({RELIANCE: bars_of((1, 1, 1, 1))})
    assert len(timeline.history(RELIANCE, minute(0), minute(1))) == 1
    with pytest.raises(HistoryMissing):
        timeline.history(TCS, 0, minute(1))

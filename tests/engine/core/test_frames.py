"""What one frame of ticks does to quotes and bars, compiled and plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import frames, quotes
from engine.core.bars import MINUTE_NS, SECOND_NS, resample, ticks_of
from engine.core.compiled import Compiled
from engine.core.records import BAR, MODE_FULL, MODE_LTP, MODE_QUOTE, TICK, Row, Rows

OPEN_S = 1_761_709_500  # 2025-10-29 09:15 IST
OPEN_NS = OPEN_S * SECOND_NS
TOKEN = 738561
COLUMNS = (
    "last_price",
    "open",
    "high",
    "low",
    "close",
    "average_price",
    "bid",
    "ask",
    "bid_quantity",
    "ask_quantity",
    "last",
    "volume",
    "oi",
)
KERNELS = [value for module in (frames, quotes) for value in vars(module).values() if isinstance(value, Compiled)]


@pytest.fixture(params=["plain", "compiled"], autouse=True)
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in KERNELS:
        monkeypatch.setattr(kernel, "_call", kernel.compile() if request.param == "compiled" else kernel.py_func)


class Tape:
    """The arrays of one session with `count` instruments, tokens TOKEN, TOKEN + 1, ..."""

    def __init__(self, count: int = 1, jump: float = 0.0) -> None:
        self.tokens = TOKEN + np.arange(count, dtype=np.int64)
        self.slots = np.arange(count, dtype=np.int64)
        self.feed = np.zeros(count, dtype=frames.FEED)
        self.feed["open_ns"], self.feed["volume"], self.feed["jump"] = OPEN_NS, -1, jump
        self.forming = np.zeros(count, dtype=BAR)
        self.columns = {name: np.zeros(count) for name in COLUMNS}
        self.times, self.versions = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self.depth = np.zeros((count, 2, 5)), np.zeros((count, 2, 5), dtype=np.int64)
        self.closed: list[Row] = []
        self.until_ns = 0

    def feed_in(self, ticks: Rows, now_ns: int = OPEN_NS) -> tuple[list[int], list[int]]:
        closed, slots = np.empty(len(ticks), dtype=BAR), np.empty(len(ticks), dtype=np.int64)
        verdicts, changed = np.empty(len(ticks), dtype=np.int8), np.empty(len(ticks), dtype=np.int64)
        counts, day = np.zeros(3, dtype=np.int64), quotes.day_of_frame(ticks, now_ns)
        trades = self.tokens, self.slots, self.feed, self.forming, closed, slots, verdicts
        board = self.times, self.versions, *self.columns.values(), *self.depth
        assert quotes.take_frame(ticks, now_ns, self.until_ns, day - 1, *trades, counts, changed, *board) == day
        assert counts.tolist() == [0, 0, 0]  # of another day: left alone
        assert quotes.take_frame(ticks, now_ns, self.until_ns, day, *trades, counts, changed, *board) == day
        count, told, refused = counts.tolist()
        self.closed.extend(closed[:count].copy())
        assert refused == np.count_nonzero(verdicts)
        return verdicts.tolist(), changed[:told].tolist()


def tick(price: float, second: int = 0, volume: int = 0, *, mode: int = MODE_QUOTE, token: int = TOKEN, last: int = 0) -> Rows:
    rows = np.zeros(1, dtype=TICK)
    rows["instrument_token"], rows["mode"], rows["last_price"], rows["volume"] = token, mode, price, volume
    rows["last_quantity"], rows["exchange_time"], rows["last_trade_time"] = last, OPEN_S + second, OPEN_S + second
    return rows


def ohlcv(bar: Row) -> tuple[float, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume)


def test_ticks_of_one_instrument_in_one_frame_keep_their_order() -> None:
    tape = Tape()
    tape.feed_in(np.concatenate([tick(100, 1, 10, last=10), tick(103, 2, 15), tick(99, 2, 16), tick(101, 3, 30)]))
    assert ohlcv(tape.forming[0]) == (100, 103, 99, 101, 30)
    assert tape.columns["last_price"][0] == 101
    assert tape.columns["volume"][0] == 30


def test_a_tick_of_the_next_minute_closes_the_bar_before_it() -> None:
    tape = Tape()
    tape.feed_in(np.concatenate([tick(100, 5, 10, last=10), tick(101, 65, 25)]))
    assert [ohlcv(bar) for bar in tape.closed] == [(100, 100, 100, 100, 10)]
    assert ohlcv(tape.forming[0]) == (101, 101, 101, 101, 15)
    assert (tape.forming[0].time_ns, tape.forming[0].session_minute) == (OPEN_NS + MINUTE_NS, 1)


def test_of_the_first_tick_only_the_last_trade_counts_and_of_a_new_day_all() -> None:
    tape = Tape()
    tape.feed_in(tick(100, 0, 1_000_000, last=7))
    assert tape.forming[0].volume == 7
    tape.feed["open_ns"] += 86_400 * SECOND_NS
    tape.feed_in(tick(100, 86_400, 40))
    assert tape.forming[0].volume == 40


def test_volume_that_falls_back_within_the_day_is_not_counted_twice() -> None:
    tape = Tape()
    tape.feed_in(np.concatenate([tick(100, 0, 1_000, last=10), tick(100, 1, 20), tick(100, 2, 1_005)]))
    assert tape.forming[0].volume == 15


def test_a_trade_that_comes_late_belongs_to_the_open_minute_and_a_late_quote_to_none() -> None:
    tape = Tape()
    tape.feed_in(tick(100, 30, 10, last=10))
    tape.forming["time_ns"] = 0
    tape.until_ns = OPEN_NS + MINUTE_NS
    tape.feed_in(tick(100, 30, 10))
    assert tape.forming[0].time_ns == 0
    tape.feed_in(tick(102, 59, 12))
    assert tape.forming[0].time_ns == OPEN_NS + MINUTE_NS
    assert ohlcv(tape.forming[0]) == (102, 102, 102, 102, 2)


def test_time_never_runs_backwards_within_a_frame() -> None:
    tape = Tape()
    tape.feed_in(np.concatenate([tick(100, 61, 10, last=10), tick(105, 30, 20)]))
    assert not tape.closed
    assert ohlcv(tape.forming[0]) == (100, 105, 100, 105, 20)


def test_a_quote_that_tells_no_trade_makes_no_bar_and_a_bare_price_does() -> None:
    tape = Tape()
    quiet = tick(100, 0, 0)
    quiet["last_trade_time"] = 0
    tape.feed_in(quiet)
    assert tape.forming[0].time_ns == 0
    bare = tick(100, 0, mode=MODE_LTP)
    bare["last_trade_time"] = bare["exchange_time"] = 0
    tape.feed_in(bare, now_ns=OPEN_NS + 3 * MINUTE_NS + 5)
    assert tape.forming[0].time_ns == OPEN_NS + 3 * MINUTE_NS


def test_a_bar_that_was_not_watched_from_its_beginning_is_not_told() -> None:
    tape = Tape()
    tape.feed["from_ns"] = OPEN_NS + 30 * SECOND_NS
    tape.feed_in(np.concatenate([tick(100, 31, 5, last=5), tick(101, 60, 6), tick(102, 120, 7)]))
    assert [bar.session_minute for bar in tape.closed] == [1]


@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf])
def test_what_is_no_price_touches_nothing(price: float) -> None:
    tape = Tape()
    verdicts, changed = tape.feed_in(np.concatenate([tick(price, 1, 5), tick(100, 1, 5, last=5, token=1), tick(50, 2, 6, last=6)]))
    assert verdicts == [frames.NOT_A_PRICE, frames.UNKNOWN_TOKEN, frames.TAKEN]
    assert changed == [0]
    assert ohlcv(tape.forming[0]) == (50, 50, 50, 50, 6)


def test_a_jump_is_believed_when_a_second_tick_agrees() -> None:
    tape = Tape(jump=0.1)
    rows = np.concatenate([tick(p, i, i) for i, p in enumerate([100, 130, 101, 88, 131, 131.5, 132, 100])])
    verdicts, _ = tape.feed_in(rows)
    jump, taken = frames.JUMP, frames.TAKEN
    assert verdicts == [taken, jump, taken, jump, jump, taken, taken, jump]
    assert tape.columns["last_price"][0] == 132


def full(price: float, bid: float = 0.0, ask: float = 0.0, second: int = 0, **more: float) -> Rows:
    rows = tick(price, second, second, mode=MODE_FULL)
    for side, best in enumerate((bid, ask)):
        rows["depth"]["price"][0, side, 0], rows["depth"]["quantity"][0, side, 0] = best, 10 if best else 0
    for name, value in more.items():
        rows[name] = value
    return rows


def test_a_price_near_one_of_the_last_is_no_jump_and_one_far_from_last_and_median_is() -> None:
    tape = Tape(jump=0.1)
    taken, jump = frames.TAKEN, frames.JUMP
    verdicts = tape.feed_in(np.concatenate([tick(p, i, i) for i, p in enumerate([100, 101, 102, 130, 130, 101])]))[0]
    assert verdicts == [taken, taken, taken, jump, taken, taken], "back to where it was is no jump"


def test_a_mid_that_speaks_against_a_jump_asks_for_one_more_tick_that_agrees() -> None:
    taken, jump = frames.TAKEN, frames.JUMP
    for mid, expected in (((99.9, 100.1), [taken, jump, jump, taken]), ((129.9, 130.1), [taken, jump, taken, taken])):
        tape = Tape(jump=0.1)
        rows = np.concatenate([full(100, 99.9, 100.1), *(full(130, *mid, second) for second in (1, 2, 3))])
        assert tape.feed_in(rows)[0] == expected


def test_the_first_price_of_a_day_is_held_against_the_mid() -> None:
    tape = Tape(jump=0.1)
    assert tape.feed_in(full(1_000, 99.9, 100.1))[0] == [frames.JUMP]
    assert tape.feed_in(full(100, 99.9, 100.1, 1))[0] == [frames.TAKEN]
    assert Tape(jump=0.1).feed_in(full(1_000, 99.9))[0] == [frames.TAKEN], "one side alone has no middle"


@pytest.mark.parametrize(
    ("bid", "ask", "mid"), [(99.0, 101.0, 100.0), (100.0, 100.0, 0.0), (101.0, 99.0, 0.0), (99.0, 0.0, 0.0), (0.0, 101.0, 0.0)]
)
def test_a_locked_crossed_empty_or_one_sided_book_has_no_middle(bid: float, ask: float, mid: float) -> None:
    assert frames.mid_of(full(100, bid, ask)[0]) == mid
    verdict = Tape(jump=0.1).feed_in(full(100, bid, ask))[0]
    assert verdict == [frames.CROSSED if bid > ask > 0 else frames.TAKEN]
    assert Tape().feed_in(full(100, bid, ask))[0] == [frames.TAKEN], "where all is believed"


def test_a_price_outside_the_widest_band_is_put_aside_unless_the_day_opened_there() -> None:
    for price, opened, expected in ((120.4, 0, 0), (120.6, 0, 5), (79.4, 0, 5), (140, 118, 5), (140, 139, 0)):
        tape = Tape(jump=5.0)
        tape.feed["band"] = 0.2
        assert tape.feed_in(full(price, close=100.0, open=opened))[0] == [expected]
    tape.feed["newest_s"] = 0
    assert tape.feed_in(full(140))[0] == [frames.TAKEN], "the close of the day before is not known"


def test_a_tick_of_the_future_or_older_than_the_newest_is_put_aside() -> None:
    tape = Tape(jump=0.1)
    wrong, taken = frames.WRONG_TIME, frames.TAKEN
    rows = np.concatenate([tick(100, 61), tick(100, 60), tick(100, 55), tick(100, 54), tick(100, 30)])
    assert tape.feed_in(rows, now_ns=OPEN_NS)[0] == [wrong, taken, taken, wrong, wrong]
    bare = tick(100)
    bare["exchange_time"] = 0
    assert tape.feed_in(bare)[0] == [taken], "what tells no time is not doubted for it"


def test_a_cheap_option_trebles_without_being_doubted() -> None:
    tape = Tape(jump=1.0)
    tape.feed["floor"] = 5.0
    verdicts = tape.feed_in(np.concatenate([tick(p, i, i) for i, p in enumerate([0.5, 1.5, 5.0, 40.0, 40.0, 19.0])]))[0]
    assert verdicts == [0, 0, 0, frames.JUMP, 0, frames.JUMP]


def test_a_quote_that_tells_that_it_is_old_is_as_old_as_it_tells() -> None:
    tape = Tape()
    tape.feed_in(tick(100, 1), now_ns=OPEN_NS + 61 * SECOND_NS)
    assert tape.times[0] == OPEN_NS + 61 * SECOND_NS
    tape.feed_in(tick(100, 1), now_ns=OPEN_NS + 62 * SECOND_NS)
    assert tape.times[0] == OPEN_NS + SECOND_NS


def test_each_changed_slot_is_told_once_and_its_version_grows_by_one() -> None:
    tape = Tape(3)
    rows = np.concatenate([tick(10, token=TOKEN + 2), tick(20), tick(11, token=TOKEN + 2)])
    for _ in range(2):
        assert tape.feed_in(rows, now_ns=77)[1] == [2, 0]
    assert tape.versions.tolist() == [2, 0, 2]
    assert tape.times.tolist() == [77, 0, 77]
    assert tape.columns["last_price"].tolist() == [20, 0, 11]


def test_the_board_gets_what_the_mode_tells_and_keeps_the_rest() -> None:
    tape = Tape()
    full = tick(100, 1, 9, mode=MODE_FULL, last=3)
    full["open"], full["high"], full["low"], full["close"], full["average_price"], full["oi"] = 98, 101, 97, 96, 99, 5
    full["depth"]["price"], full["depth"]["quantity"] = np.arange(90, 100).reshape(2, 5), np.arange(10).reshape(2, 5)
    tape.feed_in(full)
    tape.feed_in(tick(99, mode=MODE_LTP))
    seen = {name: column[0] for name, column in tape.columns.items()}
    assert seen == dict(zip(COLUMNS, (99, 98, 101, 97, 96, 99, 90, 95, 0, 5, 3, 9, 5), strict=True))
    assert tape.depth[0][0, 1, 4] == 99
    assert tape.depth[1][0, 1, 4] == 9


def minute_rows(draws: list[tuple[int, int, int]]) -> Rows:
    rows = np.zeros(len(draws), dtype=BAR)
    minute = 0
    for row, (gap, price, volume) in zip(rows, draws, strict=True):
        minute += gap
        row.time_ns, row.session_minute = OPEN_NS + minute * MINUTE_NS, minute
        row.open, row.high, row.low, row.close, row.volume = price, price + 2, price - 2, price + 1, volume
    return rows


some_minutes = st.lists(st.tuples(st.integers(1, 9), st.integers(50, 60), st.integers(0, 99)), min_size=1, max_size=40).map(minute_rows)


@settings(deadline=None, max_examples=25)
@given(some_minutes)
def test_ticks_of_bars_make_the_same_bars_again(rows: Rows) -> None:
    tape = Tape()
    total = 0
    for row in rows:
        tape.feed_in(ticks_of(row, 5, total, token=TOKEN))
        total += int(row.volume)
    made = np.array([*tape.closed, tape.forming[0]], dtype=BAR)
    assert np.array_equal(made, rows)


@settings(deadline=None, max_examples=25)
@given(some_minutes, st.sampled_from([120, 300, 900, 3_600]))
def test_folding_minutes_one_by_one_equals_resampling_them(rows: Rows, interval_s: int) -> None:
    windows, forming, made = np.zeros(1, dtype=frames.WINDOW), np.zeros(1, dtype=BAR), []
    windows["wanted"] = 1
    for row in rows:
        out = np.empty(2, dtype=BAR)
        made.extend(out[: frames.fold(np.array([row], dtype=BAR), interval_s, windows, forming, out)].copy())
    if forming[0].time_ns:
        made.append(forming[0])
    assert np.array_equal(np.array(made, dtype=BAR), resample(rows, interval_s))


def test_folding_leaves_out_what_nobody_wants_what_was_taken_and_what_is_not_whole() -> None:
    rows = minute_rows([(5, 50, 1), (1, 51, 2), (4, 52, 3), (5, 53, 4)])
    windows, forming, out = np.zeros(1, dtype=frames.WINDOW), np.zeros(1, dtype=BAR), np.empty(8, dtype=BAR)
    assert frames.fold(rows, 300, windows, forming, out) == 0
    windows["wanted"], windows["from_ns"] = 1, OPEN_NS + 6 * MINUTE_NS
    assert frames.fold(rows[:2], 300, windows, forming, out) == 0
    assert frames.fold(rows, 300, windows, forming, out) == 1
    assert (out[0].session_minute, out[0].volume) == (10, 3)


def test_a_frame_is_of_its_latest_tick_s_day_or_of_now() -> None:
    ticks = np.concatenate([tick(100), tick(101)])
    day = (OPEN_NS + frames.IST_OFFSET_NS) // frames.DAY_NS
    assert quotes.day_of_frame(ticks, 0) == day
    ticks["exchange_time"][0] = OPEN_S + 86_400
    assert quotes.day_of_frame(ticks, 0) == day + 1
    ticks["exchange_time"] = 0
    assert quotes.day_of_frame(ticks, OPEN_NS - 86_400 * SECOND_NS) == day - 1

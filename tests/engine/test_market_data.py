"""The handler of quotes and bars: what it tells, in which order, and what it puts aside."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import numpy as np
import pytest

from engine.clock import ManualClock
from engine.core.bars import MINUTE_NS, SECOND_NS, ticks_of
from engine.core.errors import InvalidOption, UnknownSymbol
from engine.core.model import Exchange, Instrument, InstrumentKind, Quote
from engine.core.records import BAR, MODE_LTP, MODE_QUOTE, TICK, Rows
from engine.market_data import MarketDataHandler
from engine.view import QuoteBoard

OPEN_NS = int(datetime(2025, 10, 29, 3, 45, tzinfo=UTC).timestamp()) * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
TCS = Instrument(Exchange.NSE, "TCS", 2953217)
CALL = Instrument(Exchange.NFO, "NIFTY25DEC25000CE", 9, kind=InstrumentKind.CALL)


class TickClock(ManualClock):
    """A clock that may run ahead while ticks are taken."""

    ahead_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.ahead_ns


class Heard:
    """A handler and everything it told, in order."""

    def __init__(self, *instruments: Instrument, capacity: int = 4, start_ns: int = OPEN_NS, calendar: object = None) -> None:
        self.clock = TickClock(start_ns)
        self.handler = MarketDataHandler(QuoteBoard(capacity), self.clock, calendar)  # type: ignore[arg-type]
        self._take, self.handler.on_ticks = self.handler.on_ticks, self._on_ticks  # type: ignore[method-assign]
        self.slots = self.handler.subscribe(instruments)
        self.told: list[tuple[int, list[tuple[int, int, float]]]] = []
        self.bars: list[Rows] = []
        self.volume: Counter[tuple[int, int]] = Counter()
        self.handler.bars_closed.connect(self.on_bars)

    def _on_ticks(self, ticks: Rows) -> None:
        """Take ticks at the time that they tell: none of them is of the future."""
        ahead_s = max(0, int(ticks["exchange_time"].max(initial=0)) - self.clock.now_ns() // SECOND_NS)
        self.clock.ahead_ns = ahead_s * SECOND_NS
        self._take(ticks)
        self.clock.ahead_ns = 0

    def on_bars(self, interval_s: int, rows: Rows) -> None:
        self.told.append((interval_s, [(int(r.instrument), int(r.session_minute), float(r.volume)) for r in rows]))
        self.bars.append(rows)

    def minute(self, minute: int, *instruments: Instrument, price: float = 100.0, day: int = 0) -> None:
        """Send one minute's ticks of each, then the time of its end, as a replayed market does."""
        start_ns = OPEN_NS + day * DAY_NS + minute * MINUTE_NS
        self.handler.on_time(start_ns)
        frames = []
        for instrument in instruments:
            frames.append(ticks_of(bar(start_ns, minute, price)[0], 4, self.volume[instrument.token, day], token=instrument.token))
            self.volume[instrument.token, day] += 8
        self.handler.on_ticks(np.concatenate(frames))
        self.handler.on_time(start_ns + MINUTE_NS)


def bar(start_ns: int, minute: int, price: float, volume: float = 8.0) -> Rows:
    rows = np.zeros(1, dtype=BAR)
    rows[0] = (start_ns, minute, 0, price, price + 2, price - 1, price + 1, volume, 0.0)
    return rows


def tick(instrument: Instrument, price: float, second: int = 0, *, mode: int = MODE_LTP, volume: int = 0) -> Rows:
    rows = np.zeros(1, dtype=TICK)
    rows["instrument_token"], rows["mode"], rows["last_price"], rows["volume"] = instrument.token, mode, price, volume
    rows["exchange_time"] = rows["last_trade_time"] = OPEN_NS // SECOND_NS + second
    return rows


def test_all_instruments_of_a_minute_are_told_together_in_slot_order() -> None:
    heard = Heard(RELIANCE, TCS)
    heard.minute(0, TCS, RELIANCE)
    assert heard.told == [(60, [(0, 0, 8.0), (1, 0, 8.0)])]
    assert heard.handler.board.last_price[:2].tolist() == [101, 101]


def test_larger_bars_are_told_after_their_last_minute_only_for_whom_they_were_wanted() -> None:
    heard = Heard(RELIANCE, TCS)
    for interval_s in (300, 120, 60, 120):
        heard.handler.want_interval(1, interval_s)
    for minute in range(5):
        heard.minute(minute, RELIANCE, TCS)
    larger = [told for told in heard.told if told[0] > 60]
    assert larger == [(120, [(1, 0, 16.0)]), (120, [(1, 2, 16.0)]), (300, [(1, 0, 40.0)])]
    assert [told[0] for told in heard.told] == [60, 60, 120, 60, 60, 120, 60, 300]


def test_a_hole_in_the_data_closes_the_window_by_the_next_time_before_its_ticks() -> None:
    heard = Heard(RELIANCE)
    heard.handler.want_interval(0, 300)
    heard.minute(1, RELIANCE)
    heard.minute(7, RELIANCE)
    assert heard.told[1:3] == [(300, [(0, 0, 8.0)]), (60, [(0, 7, 8.0)])]


def test_the_short_last_window_of_a_day_closes_at_its_end_and_the_next_day_is_anchored_anew() -> None:
    heard = Heard(RELIANCE)
    heard.handler.want_interval(0, 3_600)
    heard.minute(374, RELIANCE)
    assert heard.told == [(60, [(0, 374, 8.0)])]
    heard.minute(0, RELIANCE, day=1)
    assert heard.told[1:] == [(3_600, [(0, 360, 8.0)]), (60, [(0, 0, 8.0)])]
    assert heard.bars[-1][0].time_ns == OPEN_NS + DAY_NS


def test_ticks_that_run_into_the_next_minute_close_the_one_before() -> None:
    heard = Heard(RELIANCE)
    heard.handler.on_ticks(np.concatenate([tick(RELIANCE, 100, 59), tick(RELIANCE, 101, 60)]))
    assert heard.told == [(60, [(0, 0, 0.0)])]
    assert heard.handler.board.forming[0].session_minute == 1


def test_a_bar_joined_in_the_middle_is_not_told_unless_history_fills_it_in() -> None:
    for is_seeded, expected in ((False, [(60, 4), (60, 5)]), (True, [(60, 3), (60, 4), (300, 0), (60, 5)])):
        heard = Heard(RELIANCE, start_ns=OPEN_NS + 3 * MINUTE_NS + 20 * SECOND_NS)
        heard.handler.want_interval(0, 300)
        if is_seeded:
            history = np.concatenate([bar(OPEN_NS + m * MINUTE_NS, m, 200.0) for m in range(3)])
            heard.handler.seed(0, history)
            heard.handler.seed(0, history[:0])
        for minute in (3, 4, 5):
            heard.minute(minute, RELIANCE)
        assert [(interval_s, rows[0][1]) for interval_s, rows in heard.told] == expected
        if is_seeded:
            assert (heard.bars[2][0].open, heard.bars[2][0].volume) == (200, 40)
            assert len(heard.handler.history("RELIANCE")) == 6


def test_bad_ticks_are_counted_put_aside_and_told_once() -> None:
    heard = Heard(RELIANCE)
    told: list[str] = []
    heard.handler.tick_rejected.connect(told.append)
    stranger = Instrument(Exchange.NSE, "X", 5)
    frame = np.concatenate([tick(RELIANCE, 100), tick(RELIANCE, -1), tick(stranger, 5), tick(RELIANCE, 0), tick(RELIANCE, 130)])
    heard.handler.on_ticks(frame)
    heard.handler.on_ticks(frame)
    assert sum(heard.handler.rejected.values()) == 8
    assert heard.handler.ticks == 10
    assert heard.handler.board.last_price[0] == 100
    assert told == [
        "Put aside a tick of NSE:RELIANCE at -1: a price that is not a positive number.",
        "Put aside a tick of token 5 at 5: an instrument that nobody subscribed.",
        "Put aside a tick of NSE:RELIANCE at 130: a jump that no second tick confirmed.",
    ]


def test_a_jump_over_night_or_of_an_option_is_no_jump() -> None:
    heard = Heard(RELIANCE, CALL)
    heard.handler.on_ticks(np.concatenate([tick(RELIANCE, 100), tick(CALL, 10), tick(CALL, 14.5)]))
    heard.handler.on_ticks(tick(RELIANCE, 150, 86_400))
    assert not heard.handler.rejected
    assert heard.handler.board.last_price[:2].tolist() == [150, 14.5]


def test_a_quote_is_doubted_from_a_bad_tick_until_the_next_good_one() -> None:
    heard = Heard(RELIANCE)
    board = heard.handler.board
    for price, is_doubted in ((100, False), (10_000, True), (1, True), (101, False)):
        heard.handler.on_ticks(tick(RELIANCE, price))
        assert board.quote(0).is_doubted is is_doubted
    assert heard.handler.quote("RELIANCE").last_price == 101
    heard.handler.on_ticks(np.concatenate([tick(RELIANCE, 0), tick(RELIANCE, 102)]))
    assert not board.is_doubted[0], "a good tick came after it in the same frame"
    heard.handler.on_ticks(np.concatenate([tick(RELIANCE, 102), tick(RELIANCE, 0)]))
    assert board.is_doubted[0]


def test_frames_that_cannot_be_written_to_and_empty_ones_are_taken() -> None:
    heard = Heard(RELIANCE)
    frame = tick(RELIANCE, 100)
    frame.flags.writeable = False
    heard.handler.on_ticks(frame)
    heard.handler.on_ticks(frame[:0])
    heard.handler.on_ticks(np.concatenate([tick(RELIANCE, 100 + i % 5) for i in range(60)])[::2])
    assert heard.handler.ticks == 31
    assert heard.handler.board.version[0] == 2


def test_the_board_may_grow_while_ticks_flow() -> None:
    heard = Heard(RELIANCE, capacity=1)
    heard.handler.want_interval(0, 120)
    heard.minute(0, RELIANCE)
    assert heard.handler.subscribe([TCS, RELIANCE]) == [1, 0]
    heard.handler.want_interval(1, 120)
    heard.handler.board.add(CALL)
    heard.minute(1, RELIANCE, TCS)
    assert heard.handler.board.last_price.tolist()[:2] == [101, 101]
    assert heard.told[-1] == (120, [(0, 0, 16.0), (1, 0, 8.0)])


def test_what_is_unsubscribed_is_unknown_again() -> None:
    heard = Heard(RELIANCE)
    assert heard.handler.is_subscribed(RELIANCE)
    heard.handler.unsubscribe([RELIANCE])
    heard.handler.on_ticks(tick(RELIANCE, 100))
    assert not heard.handler.is_subscribed(RELIANCE)
    assert heard.handler.board.last_price[0] == 0


@pytest.mark.parametrize("interval_s", [0, -60, 90])
def test_an_interval_must_be_whole_minutes(interval_s: int) -> None:
    with pytest.raises(InvalidOption, match="multiple of 60"):
        Heard(RELIANCE).handler.want_interval(0, interval_s)


def test_quotes_and_history_are_found_by_symbol_or_key() -> None:
    heard = Heard(RELIANCE, TCS)
    for minute in range(4):
        heard.minute(minute, RELIANCE, price=100 + minute)
    assert heard.handler.quote("NSE:RELIANCE").last_price == heard.handler.quote("RELIANCE").last_price == 104
    assert len(heard.handler.history("RELIANCE")) == 4
    assert len(heard.handler.history("TCS")) == 0
    (last,) = heard.handler.ohlc("RELIANCE", 120, count=1)
    assert (last.instrument, last.session_minute, last.open, last.close, last.volume) == (RELIANCE, 2, 102, 104, 16)
    with pytest.raises(UnknownSymbol, match='did you mean "RELIANCE"'):
        heard.handler.quote("RELIANC")


def test_callbacks_hear_the_quotes_they_asked_for_until_ended() -> None:
    heard = Heard(RELIANCE, TCS)
    all_of_it: list[Quote] = []
    some: list[Quote] = []
    heard.handler.on_tick(all_of_it.append)
    end = heard.handler.on_tick(some.append, ["TCS"])
    frame = np.concatenate([tick(RELIANCE, 100, mode=MODE_QUOTE), tick(TCS, 50)])
    heard.handler.on_ticks(frame)
    end()
    heard.handler.on_ticks(frame)
    assert [(q.instrument.symbol, q.last_price) for q in all_of_it] == [("RELIANCE", 100), ("TCS", 50)] * 2
    assert [(q.instrument.symbol, q.last_price) for q in some] == [("TCS", 50)]


def test_the_market_is_open_on_weekdays_from_a_quarter_past_nine() -> None:
    heard = Heard(RELIANCE, start_ns=OPEN_NS - 1)
    assert not heard.handler.is_market_open()
    heard.clock.set(OPEN_NS)
    assert heard.handler.is_market_open("RELIANCE")
    heard.clock.set(OPEN_NS + 375 * MINUTE_NS)
    assert not heard.handler.is_market_open()
    heard.clock.set(OPEN_NS + 3 * DAY_NS)  # Saturday
    assert not heard.handler.is_market_open()


class EveningCalendar:
    """A Muhurat session from 18:00 to 19:00 each day."""

    OPEN_NS = OPEN_NS + 525 * MINUTE_NS

    def sessions(self, instrument: Instrument, day: date) -> list[tuple[int, int]]:
        shift = (day - date(2025, 10, 29)).days * DAY_NS
        return [(self.OPEN_NS + shift, self.OPEN_NS + shift + 60 * MINUTE_NS)]

    def is_open(self, instrument: Instrument | None, time_ns: int) -> bool:
        return 0 <= time_ns - self.OPEN_NS < 60 * MINUTE_NS


def test_a_calendar_tells_where_windows_are_anchored_and_whether_it_is_open() -> None:
    heard = Heard(RELIANCE, calendar=EveningCalendar())
    heard.handler.on_ticks(np.concatenate([tick(RELIANCE, 100, 525 * 60), tick(RELIANCE, 100, 526 * 60)]))
    assert heard.told == [(60, [(0, 0, 0.0)])]
    assert not heard.handler.is_market_open()
    heard.clock.set(EveningCalendar.OPEN_NS)
    assert heard.handler.is_market_open("RELIANCE")

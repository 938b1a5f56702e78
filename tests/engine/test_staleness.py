"""Standing still is judged by trading time: an auction, a night or a lunch break makes nobody stale, an hour without ticks does."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest

from engine.calendar import Calendar
from engine.clock import IST, ManualClock
from engine.core.model import Exchange, Instrument, InstrumentKind
from engine.core.records import MODE_LTP, TICK
from engine.market_data import MarketDataHandler
from engine.staleness import Staleness, allowed_age_s, trading_age_s
from engine.view import QuoteBoard

RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738_561, has_derivatives=True)
SMALL = Instrument(Exchange.NSE, "SMALLCAP", 513)
NIFTY = Instrument(Exchange.NSE, "NIFTY 50", 256_265, kind=InstrumentKind.INDEX)
FUTURE = Instrument(Exchange.NFO, "NIFTY26NOVFUT", 1_026, kind=InstrumentKind.FUTURE)
CRUDE = Instrument(Exchange.MCX, "CRUDEOIL26DECFUT", 1_031, kind=InstrumentKind.FUTURE)
ALL = [RELIANCE, SMALL, NIFTY, FUTURE, CRUDE]
DAY = date(2026, 11, 23)


def at(text: str, day: date = DAY) -> int:
    """Return a time of day in India as nanoseconds."""
    return int(datetime.fromisoformat(f"{day} {text}").replace(tzinfo=IST).timestamp() * 1e3) * 1_000_000


def stale(now: str, last: str | list[str], day: date = DAY) -> list[str]:
    """Return the symbols that are stale when all, or each, were last heard then."""
    times = [at(one) for one in ([last] * len(ALL) if isinstance(last, str) else last)]
    flags = Staleness(Calendar.load()).stale(ALL, np.array(times), at(now, day))
    return [instrument.symbol for instrument, flag in zip(ALL, flags, strict=True) if flag]


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("10:00:05", "10:00:00", []),
        ("10:00:05.1", "10:00:00", ["RELIANCE", "NIFTY 50"]),
        ("10:00:30", "10:00:00", ["RELIANCE", "NIFTY 50"]),
        ("10:00:30.1", "10:00:00", ["RELIANCE", "SMALLCAP", "NIFTY 50", "NIFTY26NOVFUT", "CRUDEOIL26DECFUT"]),
        # From 15:15 on shares with derivatives are auctioned and the cash index stands still; the rest trades on.
        ("15:20:00", "15:14:56", ["SMALLCAP", "NIFTY26NOVFUT", "CRUDEOIL26DECFUT"]),
        ("15:34:00", "15:14:50", ["RELIANCE", "SMALLCAP", "NIFTY 50", "NIFTY26NOVFUT", "CRUDEOIL26DECFUT"]),
        # After the shares' close futures trade until 15:40, commodities into the night.
        ("15:39:59", "15:29:58", ["NIFTY26NOVFUT", "CRUDEOIL26DECFUT"]),
        ("20:00:00", "15:39:55", ["CRUDEOIL26DECFUT"]),
        # Before the open nothing but commodities trades, and everyone has as long after it as ever.
        ("09:14:59", "08:59:59", ["CRUDEOIL26DECFUT"]),
        ("09:15:05", "09:08:00", ["CRUDEOIL26DECFUT"]),
        ("09:15:06", "09:08:00", ["RELIANCE", "NIFTY 50", "CRUDEOIL26DECFUT"]),
    ],
)
def test_only_trading_time_ages_a_quote(now: str, last: str, expected: list[str]) -> None:
    assert stale(now, last) == expected


def test_yesterdays_quote_is_stale_a_moment_after_the_open_and_not_before_it() -> None:
    friday, monday = date(2026, 11, 20), DAY
    watch = Staleness(Calendar.load())
    last = np.array([at("15:00", friday)])
    assert not watch.stale([RELIANCE], last, at("09:15:05", monday)).any()
    assert watch.stale([RELIANCE], last, at("09:15:05.5", monday)).all()
    assert not watch.stale([RELIANCE], last, at("12:00", date(2026, 11, 21))).any(), "on a Saturday nothing trades"


def test_what_never_ticked_is_stale_as_soon_as_its_market_has_traded_for_a_while() -> None:
    watch = Staleness(Calendar.load())
    assert watch.stale([RELIANCE, SMALL], np.zeros(2, np.int64), at("09:15:10")).tolist() == [True, False]


def test_without_a_calendar_all_time_is_trading_time_and_the_list_may_grow() -> None:
    watch = Staleness(None, limit_s=1.0)
    now_ns = at("03:00")
    assert watch.stale([SMALL], np.array([now_ns - 6_000_000_000]), now_ns).tolist() == [False]
    assert watch.stale([SMALL, NIFTY], np.array([now_ns - 6_000_000_001, now_ns - 1_000_000_001]), now_ns).tolist() == [True, True]
    assert Staleness(None).stale([], np.zeros(0, np.int64), now_ns).tolist() == []


def test_a_break_between_two_sessions_does_not_age() -> None:
    second = 1_000_000_000
    ages = trading_age_s(np.array([0, 5, 12, 25, 40]) * second, 30 * second, [(3 * second, 10 * second), (20 * second, 50 * second)])
    assert ages.tolist() == [17.0, 15.0, 10.0, 5.0, 0.0]


def test_patience_is_longer_for_what_trades_thinly() -> None:
    assert [allowed_age_s(one) for one in (RELIANCE, NIFTY, SMALL, FUTURE)] == [5.0, 5.0, 30.0, 30.0]


def test_the_handler_lists_what_is_watched_and_stands_still() -> None:
    clock = ManualClock(at("11:00"))
    handler = MarketDataHandler(QuoteBoard(), clock, Calendar.load())
    handler.subscribe([RELIANCE, NIFTY])
    assert handler.stale() == [RELIANCE, NIFTY], "no tick yet"
    ticks = np.zeros(2, TICK)
    ticks["instrument_token"], ticks["mode"], ticks["last_price"] = [RELIANCE.token, NIFTY.token], MODE_LTP, 100.0
    handler.on_ticks(ticks)
    assert handler.stale() == []
    clock.advance(4)
    handler.on_ticks(ticks[1:])
    clock.advance(2)
    assert handler.stale() == [RELIANCE]
    handler.unsubscribe([RELIANCE])
    assert handler.stale() == []

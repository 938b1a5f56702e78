"""The calendar knows every day on which the market traded, and at every moment what it is doing."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from engine.calendar import Calendar, day_of
from engine.core.model import Exchange, Instrument, InstrumentKind, Phase

IST = timezone(timedelta(hours=5, minutes=30))
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 1, has_derivatives=True)
SMALL = Instrument(Exchange.NSE, "SMALL", 2)
NIFTY = Instrument(Exchange.NSE, "NIFTY 50", 3, kind=InstrumentKind.INDEX)
FUTURE = Instrument(Exchange.NFO, "NIFTY26OCTFUT", 4, kind=InstrumentKind.FUTURE)
CURRENCY = Instrument(Exchange.CDS, "USDINR26OCTFUT", 5, kind=InstrumentKind.FUTURE)
GOLD = Instrument(Exchange.MCX, "GOLD26OCTFUT", 6, kind=InstrumentKind.FUTURE)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar.load()


def ns(text: str) -> int:
    """Nanoseconds of an Indian wall-clock time."""
    return int((datetime.fromisoformat(text).replace(tzinfo=IST) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9


def hours(calendar: Calendar, instrument: Instrument | None, day: str) -> list[str]:
    sessions = calendar.sessions(instrument, date.fromisoformat(day))
    return [f"{datetime.fromtimestamp(a / 1e9, IST):%H:%M}-{datetime.fromtimestamp(b / 1e9, IST):%H:%M}" for a, b in sessions]


@pytest.mark.parametrize(
    ("instrument", "day", "expected"),
    [
        (None, "2026-07-31", ["09:15-15:30"]),
        (RELIANCE, "2026-07-31", ["09:15-15:30"]),
        (RELIANCE, "2026-08-03", ["09:15-15:15"]),
        (NIFTY, "2026-08-03", ["09:15-15:15"]),
        (SMALL, "2026-08-03", ["09:15-15:30"]),
        (FUTURE, "2026-07-31", ["09:15-15:30"]),
        (FUTURE, "2026-08-03", ["09:15-15:40"]),
        (CURRENCY, "2026-08-03", ["09:00-17:00"]),
        (GOLD, "2026-08-03", ["09:00-23:30"]),
        (GOLD, "2026-12-01", ["09:00-23:55"]),
        (GOLD, "2026-11-24", ["17:00-23:55"]),
        (GOLD, "2026-12-25", []),
        (RELIANCE, "2026-11-24", []),
        (RELIANCE, "2026-08-01", []),
        (RELIANCE, "2024-03-02", ["09:15-10:00", "11:30-12:30"]),
        (FUTURE, "2024-03-02", ["09:15-10:00", "11:30-12:30"]),
        (RELIANCE, "2021-02-24", ["09:15-11:40", "15:45-17:00"]),
        (RELIANCE, "2024-11-01", ["18:00-19:00"]),
        (RELIANCE, "2026-02-01", ["09:15-15:30"]),
        (GOLD, "2026-02-01", []),
        (RELIANCE, "2026-11-08", []),
        (RELIANCE, "2009-01-05", ["09:15-15:30"]),
    ],
)
def test_the_hours_of_a_day(calendar: Calendar, instrument: Instrument | None, day: str, expected: list[str]) -> None:
    assert hours(calendar, instrument, day) == expected


@pytest.mark.parametrize(
    ("instrument", "at", "expected"),
    [
        (RELIANCE, "2026-09-07 08:59:59", Phase.CLOSED),
        (RELIANCE, "2026-09-07 09:00:00", Phase.PRE_OPEN),
        (RELIANCE, "2026-09-07 09:14:59", Phase.PRE_OPEN),
        (RELIANCE, "2026-09-07 09:15:00", Phase.CONTINUOUS),
        (RELIANCE, "2026-09-07 15:14:59", Phase.CONTINUOUS),
        (RELIANCE, "2026-09-07 15:15:00", Phase.CLOSING_AUCTION),
        (SMALL, "2026-09-07 15:15:00", Phase.CONTINUOUS),
        (RELIANCE, "2026-09-07 15:35:00", Phase.CLOSED),
        (FUTURE, "2026-09-07 15:35:00", Phase.CONTINUOUS),
        (RELIANCE, "2026-09-07 15:50:00", Phase.POST_CLOSE),
        (RELIANCE, "2026-07-31 15:45:00", Phase.POST_CLOSE),
        (RELIANCE, "2026-09-07 16:00:00", Phase.CLOSED),
        (FUTURE, "2025-12-05 09:05:00", Phase.CLOSED),
        (FUTURE, "2025-12-08 09:05:00", Phase.PRE_OPEN),
        (RELIANCE, "2026-09-14 10:00:00", Phase.CLOSED),
        (RELIANCE, "2024-03-02 10:30:00", Phase.CLOSED),
    ],
)
def test_the_phase_at_a_moment(calendar: Calendar, instrument: Instrument, at: str, expected: Phase) -> None:
    assert calendar.phase(instrument, ns(at)) is expected
    assert calendar.is_open(instrument, ns(at)) is (expected is Phase.CONTINUOUS)


@pytest.mark.parametrize(
    ("instrument", "at", "expected"),
    [
        (RELIANCE, "2026-09-07 13:00:55", "continuous, closes in 2:14:05"),
        (RELIANCE, "2026-09-07 09:06:00", "pre-open, limit orders only for 0:04:00"),
        (RELIANCE, "2026-08-03 09:06:00", "pre-open, limit and market orders for 0:02:00"),
        (RELIANCE, "2026-09-07 15:16:00", "closing auction, reference price for 0:04:00"),
        (RELIANCE, "2026-09-07 15:55:00", "post-close, opens Tue 09:15 in 17:20:00"),
        (RELIANCE, "2026-09-07 08:15:00", "closed, opens 09:15 in 1:00:00"),
        (RELIANCE, "2026-09-11 16:15:00", "closed, opens Tue 09:15 in 3 d 17:00:00"),
        (RELIANCE, "2026-09-14 09:15:00", "closed (Ganesh Chaturthi), opens Tue 09:15 in 1 d 0:00:00"),
        (RELIANCE, "2024-11-01 18:30:00", "continuous, Muhurat, closes in 0:30:00"),
        (RELIANCE, "2024-03-02 11:00:00", "closed (live from the recovery site), opens 11:30 in 0:30:00"),
    ],
)
def test_the_phase_as_the_status_bar_shows_it(calendar: Calendar, instrument: Instrument, at: str, expected: str) -> None:
    assert calendar.phase_text(instrument, ns(at)) == expected


def test_a_countdown_reaches_zero_only_when_time_is_up(calendar: Calendar) -> None:
    assert calendar.phase_text(RELIANCE, ns("2026-09-07 15:14:59") + 1).endswith("0:00:01")


@pytest.mark.parametrize(
    ("instrument", "day", "expected"),
    [
        (RELIANCE, "2026-07-31", "15:20"),
        (RELIANCE, "2026-08-03", "15:10"),
        (SMALL, "2026-08-03", "15:20"),
        (FUTURE, "2026-07-31", "15:25"),
        (FUTURE, "2026-08-03", "15:25"),
        (CURRENCY, "2026-08-03", "16:45"),
        (GOLD, "2026-08-03", "23:05"),
        (RELIANCE, "2024-11-01", "18:50"),
        (RELIANCE, "2024-03-02", "12:20"),
        (RELIANCE, "2026-08-08", "15:10"),
    ],
)
def test_intraday_positions_are_closed_before_the_last_close(calendar: Calendar, instrument: Instrument, day: str, expected: str) -> None:
    assert calendar.square_off_ns(instrument, date.fromisoformat(day)) == ns(f"{day} {expected}")


def test_bars_are_anchored_at_the_open(calendar: Calendar) -> None:
    assert calendar.session_open_ns(date(2026, 8, 3)) == ns("2026-08-03 09:15")
    assert calendar.session_open_ns(date(2024, 11, 1)) == ns("2024-11-01 18:00")
    assert calendar.session_open_ns(date(2024, 3, 2)) == ns("2024-03-02 09:15")
    assert calendar.session_open_ns(date(2026, 8, 1)) == ns("2026-08-01 09:15")
    assert calendar.session_open_ns(date(2026, 8, 3), GOLD) == ns("2026-08-03 09:00")


def test_the_next_open_skips_what_is_closed(calendar: Calendar) -> None:
    assert calendar.next_open_ns(RELIANCE, ns("2026-09-11 09:15")) == ns("2026-09-15 09:15")
    assert calendar.next_open_ns(RELIANCE, ns("2024-03-02 10:00")) == ns("2024-03-02 11:30")
    assert calendar.next_open_ns(RELIANCE, ns("2026-09-11 09:15") - 1) == ns("2026-09-11 09:15")


def test_a_market_that_never_opens_is_a_mistake_of_ours() -> None:
    holidays = [{"date": f"2026-01-{day:02}", "name": "strike", "commodities": "closed"} for day in range(1, 32)]
    full = Calendar.load()
    empty = Calendar(
        [{"segment": "cash", "effective": "2010-01-01", "phase": "continuous", "opens": "09:15", "closes": "15:30", "note": ""}],
        holidays,
        [],
        [],
    )
    assert empty.holiday(date(2026, 1, 2)) == "strike"
    assert full.next_open_ns(None, ns("2026-01-01 16:00")) == ns("2026-01-02 09:15")
    with pytest.raises(ValueError, match="no session within"):
        empty.next_open_ns(None, ns("2025-12-31 16:00"))


def test_holidays_and_special_days_have_names(calendar: Calendar) -> None:
    assert calendar.holiday(date(2026, 1, 26)) == "Republic Day"
    assert calendar.holiday(date(2024, 11, 1)) == "Muhurat"
    assert calendar.holiday(date(2026, 8, 3)) == ""
    assert calendar.known_until == date(2026, 12, 31)


def test_trading_days(calendar: Calendar) -> None:
    assert calendar.is_trading_day(date(2026, 8, 3))
    assert not calendar.is_trading_day(date(2026, 8, 2))
    assert not calendar.is_trading_day(date(2026, 1, 26))
    assert calendar.is_trading_day(date(2026, 11, 8)), "its hours are not known, yet it was a trading day"
    assert calendar.is_trading_day(date(2026, 11, 24), GOLD)
    assert not calendar.is_trading_day(date(2026, 11, 8), GOLD)
    assert not calendar.is_trading_day(date(2022, 11, 12))
    assert not calendar.is_trading_day(date(2026, 1, 26), replace(GOLD, symbol="SILVER26OCTFUT"))


def test_the_day_is_indias() -> None:
    assert day_of(ns("2026-08-03 00:00:00")) == date(2026, 8, 3)
    assert day_of(ns("2026-08-03 00:00:00") - 1) == date(2026, 8, 2)
    assert day_of(ns("2026-08-03 23:59:59")) == date(2026, 8, 3)


def test_every_day_for_which_the_exchange_published_prices_was_a_trading_day(calendar: Calendar, shared_data: Path) -> None:
    with (shared_data / "calendar/nse_actual_trading_days_from_bhavcopy_20190823_20260821.csv").open() as file:
        published = {date.fromisoformat(row["date"]) for row in csv.DictReader(file)}
    assert [day for day in sorted(published) if not calendar.is_trading_day(day)] == []
    day, silent = date(2019, 10, 1), []
    while day <= max(published):
        if calendar.is_trading_day(day) and day not in published:
            silent.append(day)
        day += timedelta(days=1)
    # The collection itself lacks these.
    assert [day for day in silent if day not in (date(2022, 8, 8), date(2021, 11, 4))] == []

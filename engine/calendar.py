"""When the market trades: holidays, Muhurat and weekend sessions, the closing auction, and the broker's square-off time.

All of it is dated rows in `resources/calendar`; nothing here knows a date. Before the first row and after the last known year every
weekday trades by the rows that are nearest. Days are India's; times are UTC nanoseconds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import TypeVar
from zoneinfo import ZoneInfo

from engine.clock import IST_OFFSET_NS
from engine.core.model import Exchange, Instrument, InstrumentKind, Phase

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS

T = TypeVar("T")

_EPOCH = date(1970, 1, 1)
_NEW_YORK = ZoneInfo("America/New_York")
_LONGEST_CLOSURE = 30
"""Days to look ahead for the next session; no closure was ever near as long."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of a day in one phase."""

    phase: Phase
    opens_ns: int
    closes_ns: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """A stretch of every day of a segment from a date on; times in minutes since India's midnight."""

    phase: Phase
    opens: int
    closes: int
    note: str


class Calendar:
    """The market's days and hours."""

    def __init__(
        self,
        sessions: Iterable[Mapping[str, str]],
        holidays: Iterable[Mapping[str, str]],
        special_sessions: Iterable[Mapping[str, str]],
        square_offs: Iterable[Mapping[str, str]],
        entries: Iterable[Mapping[str, str]] = (),
    ) -> None:
        """Take the rows of the files of `resources/calendar`; without `entries` a market takes them as long as it is open."""
        self._regular = _dated((r["segment"], r["effective"], _Row(Phase(r["phase"]), *_hours(r), r["note"])) for r in sessions)
        self._margins = _dated((r["segment"], r["effective"], int(r["minutes_before_close"])) for r in square_offs)
        self._entries = _dated(
            (r["segment"], r["effective"], (int(r["seconds_after_open"]), int(r["minutes_before_close"]))) for r in entries
        )
        self._holidays = {date.fromisoformat(r["date"]): (r["name"], r["commodities"]) for r in holidays}
        self._special: dict[date, tuple[str, list[_Row] | None]] = {}
        for row in special_sessions:
            day = date.fromisoformat(row["date"])
            rows = self._special.setdefault(day, (row["name"], [] if row["opens"] else None))[1]
            if rows is not None and row["opens"] != "unknown":
                rows.append(_Row(Phase.CONTINUOUS, *_hours(row), row["name"]))
        self._spans: dict[tuple[str, date], tuple[Span, ...]] = {}

    @classmethod
    def load(cls) -> Calendar:
        """Load the calendar that comes with the terminal."""
        return cls(*(_resource(name) for name in ("sessions", "holidays", "special_sessions", "square_off", "entries")))

    @property
    def known_until(self) -> date:
        """Return the last day whose holidays are known."""
        return date(max(self._holidays).year, 12, 31)

    def holiday(self, day: date) -> str:
        """Return what is celebrated or what the special session is for, "" on an ordinary day."""
        return self._special.get(day, ("", None))[0] or self._holidays.get(day, ("", ""))[0]

    def is_trading_day(self, day: date, instrument: Instrument | None = None) -> bool:
        """Tell whether the market trades at all on that day; without an instrument, whether shares do."""
        # The hours of a Muhurat session are told late: it is a trading day before they are known.
        is_special = day in self._special and not self._segment(instrument, day).startswith("commodities")
        return is_special or bool(self.spans(instrument, day))

    def spans(self, instrument: Instrument | None, day: date) -> tuple[Span, ...]:
        """Return the day's phases in order; between them the market is closed."""
        segment = self._segment(instrument, day)
        if (found := self._spans.get((segment, day))) is None:
            found = self._spans[segment, day] = tuple(self._make_spans(segment, day))
        return found

    def sessions(self, instrument: Instrument | None, day: date) -> list[tuple[int, int]]:
        """Return when continuous trading opens and closes: one pair on most days, two on a day with a break, none on a holiday."""
        return [(span.opens_ns, span.closes_ns) for span in self.spans(instrument, day) if span.phase is Phase.CONTINUOUS]

    def phase(self, instrument: Instrument | None, time_ns: int) -> Phase:
        """Return what the market is doing at that moment."""
        span = self._span_at(instrument, time_ns)
        return span.phase if span else Phase.CLOSED

    def is_open(self, instrument: Instrument | None, time_ns: int) -> bool:
        """Tell whether continuous trading is on."""
        return self.phase(instrument, time_ns) is Phase.CONTINUOUS

    def phase_text(self, instrument: Instrument | None, time_ns: int) -> str:
        """Return the phase as the status bar shows it, with the countdown to what comes next."""
        span = self._span_at(instrument, time_ns)
        if span is not None and span.phase is not Phase.POST_CLOSE:
            detail = f", {span.note}" if span.note else ""
            until = ", closes in" if span.phase is Phase.CONTINUOUS else " for"
            return f"{span.phase}{detail}{until} {_countdown(span.closes_ns - time_ns)}"
        opens_ns = self.next_open_ns(instrument, time_ns)
        day, opens = day_of(time_ns), _at_ist(opens_ns)
        holiday = f" ({name})" if (name := self.holiday(day)) else ""
        when = f"{opens:%H:%M}" if opens.date() == day else f"{opens:%a %H:%M}"
        return f"{span.phase if span else Phase.CLOSED}{holiday}, opens {when} in {_countdown(opens_ns - time_ns)}"

    def session_open_ns(self, day: date, instrument: Instrument | None = None) -> int:
        """Return when continuous trading first opens; on a day without any, when it opens on ordinary days.

        Bars are anchored here: `session_minute` counts from it.
        """
        sessions = self.sessions(instrument, day)
        return sessions[0][0] if sessions else _ns(day, self._regular_hours(self._segment(instrument, day), day)[0])

    def square_off_ns(self, instrument: Instrument | None, day: date) -> int:
        """Return from when on intraday positions are closed: some minutes before the day's last close."""
        segment = self._segment(instrument, day)
        sessions = self.sessions(instrument, day)
        close_ns = sessions[-1][1] if sessions else _ns(day, self._regular_hours(segment, day)[1])
        return close_ns - _in_force(self._margins[segment], day)[-1] * MINUTE_NS

    def entry_hours(self, instrument: Instrument | None, day: date) -> tuple[int, int]:
        """Return from when until when entries make sense: some seconds after the day's open, some minutes before its last close.

        Both 0 on a day without a session.
        """
        sessions, segment = self.sessions(instrument, day), self._segment(instrument, day)
        if not sessions:
            return 0, 0
        after, before = _in_force(self._entries[segment], day)[-1] if segment in self._entries else (0, 0)
        return sessions[0][0] + after * SECOND_NS, sessions[-1][1] - before * MINUTE_NS

    def next_open_ns(self, instrument: Instrument | None, time_ns: int) -> int:
        """Return when continuous trading opens next, after that moment."""
        day = day_of(time_ns)
        for ahead in range(_LONGEST_CLOSURE):
            for opens_ns, _ in self.sessions(instrument, day + timedelta(days=ahead)):
                if opens_ns > time_ns:
                    return opens_ns
        raise ValueError(f"no session within {_LONGEST_CLOSURE} days of {day}")

    def _segment(self, instrument: Instrument | None, day: date) -> str:
        if instrument is None:
            return "cash"
        if instrument.exchange in (Exchange.NFO, Exchange.BFO):
            return "derivatives"
        if instrument.exchange in (Exchange.CDS, Exchange.BCD):
            return "currencies"
        if instrument.exchange is Exchange.MCX:
            # India's commodity market closes with New York's day.
            is_summer = bool(datetime.combine(day, time(12), _NEW_YORK).dst())
            return "commodities summer" if is_summer else "commodities winter"
        closes_by_auction = instrument.has_derivatives or instrument.kind is InstrumentKind.INDEX
        return "auctioned" if closes_by_auction and day >= min(self._regular["auctioned"]) else "cash"

    def _make_spans(self, segment: str, day: date) -> Iterable[Span]:
        rows = _in_force(self._regular[segment], day)
        if not segment.startswith("commodities") and day in self._special:
            special = self._special[day][1]
            rows = rows if special is None else special
        elif day.weekday() >= 5:
            rows = []
        elif day in self._holidays:
            # On most holidays commodities trade in the evening.
            evening = segment.startswith("commodities") and self._holidays[day][1] == "evening"
            rows = [_Row(row.phase, 17 * 60, row.closes, row.note) for row in rows] if evening else []
        return [Span(row.phase, _ns(day, row.opens), _ns(day, row.closes), row.note) for row in rows]

    def _regular_hours(self, segment: str, day: date) -> tuple[int, int]:
        rows = [row for row in _in_force(self._regular[segment], day) if row.phase is Phase.CONTINUOUS]
        return rows[0].opens, rows[-1].closes

    def _span_at(self, instrument: Instrument | None, time_ns: int) -> Span | None:
        for span in self.spans(instrument, day_of(time_ns)):
            if span.opens_ns <= time_ns < span.closes_ns:
                return span
        return None


def day_of(time_ns: int) -> date:
    """Return India's date at a moment."""
    return _EPOCH + timedelta(days=(time_ns + IST_OFFSET_NS) // DAY_NS)


def _dated(rows: Iterable[tuple[str, str, T]]) -> dict[str, dict[date, list[T]]]:
    """Sort rows by segment and by the day from which they are in force."""
    sorted_rows: dict[str, dict[date, list[T]]] = {}
    for segment, effective, row in rows:
        sorted_rows.setdefault(segment, {}).setdefault(date.fromisoformat(effective), []).append(row)
    return sorted_rows


def _in_force(rows: Mapping[date, list[T]], day: date) -> list[T]:
    """Return the rows of the newest day that is not after `day`, or the oldest there are."""
    return rows[max((effective for effective in rows if effective <= day), default=min(rows))]


def _hours(row: Mapping[str, str]) -> tuple[int, int]:
    opens, closes = (time.fromisoformat(row[name]) for name in ("opens", "closes"))
    return opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute


def _ns(day: date, minute: int) -> int:
    return (day - _EPOCH).days * DAY_NS - IST_OFFSET_NS + minute * MINUTE_NS


def _at_ist(time_ns: int) -> datetime:
    return datetime.combine(day_of(time_ns), time()) + timedelta(microseconds=(time_ns + IST_OFFSET_NS) % DAY_NS // 1000)


def _countdown(ns: int) -> str:
    seconds = -(-ns // SECOND_NS)
    days, rest = divmod(seconds, 86_400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock


def _resource(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((files("resources") / "calendar" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))

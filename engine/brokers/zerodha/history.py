"""Bars of the past from Zerodha: fetched in pieces as long as it allows, three a second, each kept as soon as it is there.

What was fetched once is read from the archive; which stretches that is, is remembered beside it, for a day without trades looks like
a day that nobody asked for. Broken off, it goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from engine.brokers.zerodha.limiter import Call
from engine.brokers.zerodha.rest import KiteRest
from engine.calendar import Calendar, day_of
from engine.clock import IST_OFFSET_NS, Clock, ist
from engine.core.bars import resample
from engine.core.errors import HistoryMissing
from engine.core.model import Instrument, InstrumentKind
from engine.core.records import BAR, Rows
from engine.history import History, Progress

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
DAY_S = 86_400

INTERVALS = {
    60: ("minute", 60),
    180: ("3minute", 100),
    300: ("5minute", 100),
    600: ("10minute", 100),
    900: ("15minute", 200),
    1800: ("30minute", 200),
    3600: ("60minute", 400),
    DAY_S: ("day", 2000),
}
"""Name of each interval, and how many days of it one call may ask for."""

SETTLED_NS = 120 * SECOND_NS
"""Bars younger than this may still change at the broker: they are fetched again."""

_ROUTE = "market.historical"
Span = tuple[int, int]


class KiteHistory:
    """Fetches and keeps bars."""

    def __init__(self, rest: KiteRest, clock: Clock, calendar: Calendar, folder: Path | None) -> None:
        """Without a folder nothing is kept."""
        self._rest, self._clock, self._calendar = rest, clock, calendar
        self._archive = History(folder / "history") if folder is not None else None
        self._loaded = folder / "history" / "loaded" if folder is not None else None

    async def bars(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int, progress: Progress | None = None) -> Rows:
        """Return closed BAR rows that start in [start, end), oldest first; raises HistoryMissing when there are none, and BrokerErrors.

        An interval that the broker does not have is made of minutes. `progress(done, total, what)` counts the calls.
        """
        fetched_s = interval_s if interval_s in INTERVALS else 60
        end_ns = min(end_ns, self._clock.now_ns())
        spans = await asyncio.to_thread(self._missing, instrument.key, fetched_s, start_ns, end_ns)
        pieces = [piece for span in spans for piece in cut(span, INTERVALS[fetched_s][1] * DAY_NS)]
        fresh = []
        for number, piece in enumerate(pieces):
            if progress is not None:
                progress(number, len(pieces), instrument.symbol)
            rows = await self._fetch(instrument, fetched_s, piece)
            await asyncio.to_thread(self._keep, instrument.key, fetched_s, rows, piece)
            fresh.append(rows)
        if progress is not None and pieces:
            progress(len(pieces), len(pieces), instrument.symbol)
        rows = await asyncio.to_thread(self._read, instrument.key, fetched_s, start_ns, end_ns, fresh)
        return rows if fetched_s == interval_s else resample(rows, interval_s)

    async def _fetch(self, instrument: Instrument, interval_s: int, span: Span) -> Rows:
        # The client's own `historical_data()` reads each time by a way that takes seconds for a month: these are the lists under it.
        name = INTERVALS[interval_s][0]
        start, end = (ist(time_ns).strftime("%Y-%m-%d %H:%M:%S") for time_ns in (span[0], span[1] - SECOND_NS))
        has_oi = instrument.kind in (InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT)
        said = await self._rest.read(
            Call.HISTORY,
            "_get",
            _ROUTE,
            url_args={"instrument_token": instrument.token, "interval": name},
            params={"from": start, "to": end, "interval": name, "continuous": 0, "oi": int(has_oi)},
        )
        rows = to_bars(said.get("candles") or [])
        self._anchor(rows, instrument, interval_s)
        now_ns = self._clock.now_ns()
        # A day's bar is over with its day: when the last exchange closes is not worth knowing here.
        ends = _midnights(rows) + DAY_NS if interval_s == DAY_S else rows["time_ns"] + interval_s * SECOND_NS
        return rows[(rows["time_ns"] >= span[0]) & (rows["time_ns"] < span[1]) & (ends <= now_ns)]

    def _anchor(self, rows: Rows, instrument: Instrument, interval_s: int) -> None:
        """Count each bar's minutes from its session's open; a day's bar is stamped with it."""
        midnights, which = np.unique(_midnights(rows), return_inverse=True)
        opens = [self._calendar.session_open_ns(day_of(int(midnight)), instrument) for midnight in midnights]
        starts = np.array(opens, dtype=np.int64)[which]
        if interval_s == DAY_S:
            rows["time_ns"] = starts
        elif len(rows):
            rows["session_minute"] = (rows["time_ns"] - starts) // (60 * SECOND_NS)

    def _missing(self, key: str, interval_s: int, start_ns: int, end_ns: int) -> list[Span]:
        return without([(start_ns, end_ns)], self._spans(key, interval_s)) if start_ns < end_ns else []

    def _keep(self, key: str, interval_s: int, rows: Rows, span: Span) -> None:
        """Put a piece into the archive, and remember that it is there, but for its last bars."""
        if self._archive is None:
            return
        if len(rows):
            self._archive.add(key, interval_s, rows)
        settled_ns = min(span[1], self._clock.now_ns() - SETTLED_NS - interval_s * SECOND_NS)
        if settled_ns > span[0] and (file := self._file(key, interval_s)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".new")
            new.write_text(json.dumps(joined([*self._spans(key, interval_s), (span[0], settled_ns)])), encoding="utf-8")
            os.replace(new, file)

    def _read(self, key: str, interval_s: int, start_ns: int, end_ns: int, fresh: Sequence[Rows]) -> Rows:
        if self._archive is not None:
            return self._archive.bars(key, interval_s, start_ns, end_ns)
        rows = np.concatenate([np.empty(0, dtype=BAR), *fresh])
        if not len(rows):
            raise HistoryMissing(f"Zerodha has no bars of {key} at {interval_s} s for that time.")
        return rows

    def _spans(self, key: str, interval_s: int) -> list[Span]:
        """Return what was fetched before, as stretches of time."""
        file = self._file(key, interval_s)
        try:
            said = json.loads(file.read_text(encoding="utf-8")) if file is not None else []
            return [(int(start), int(end)) for start, end in said]
        except (OSError, ValueError, TypeError):
            return []

    def _file(self, key: str, interval_s: int) -> Path | None:
        return self._loaded / quote(key, safe="") / f"{interval_s}.json" if self._loaded is not None else None


def to_bars(candles: Sequence[Sequence[Any]]) -> Rows:
    """Return BAR rows of the broker's candles: time, open, high, low, close, volume and maybe open interest."""
    rows = np.zeros(len(candles), dtype=BAR)
    if not len(candles):
        return rows
    # All times are India's; without their zone NumPy reads them at once.
    times = np.array([str(candle[0])[:19] for candle in candles], dtype="datetime64[s]")
    rows["time_ns"] = times.astype(np.int64) * SECOND_NS - IST_OFFSET_NS
    for at, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        rows[name] = [float(candle[at]) for candle in candles]
    rows["oi"] = [float(candle[6]) if len(candle) > 6 else 0.0 for candle in candles]
    return rows


def cut(span: Span, longest_ns: int) -> Iterator[Span]:
    """Cut a stretch into pieces of at most that length, latest first: what is looked at first comes first."""
    start, end = span
    while end > start:
        yield (max(start, end - longest_ns), end)
        end -= longest_ns


def joined(spans: Sequence[Span]) -> list[Span]:
    """Put stretches together that meet or overlap, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def without(spans: Sequence[Span], known: Sequence[Span]) -> list[Span]:
    """Return what of the stretches lies outside the known ones."""
    found = list(spans)
    for start, end in known:
        found = [piece for a, b in found for piece in ((a, min(b, start)), (max(a, end), b)) if piece[0] < piece[1]]
    return found


def _midnights(rows: Rows) -> Any:
    return (rows["time_ns"] + IST_OFFSET_NS) // DAY_NS * DAY_NS - IST_OFFSET_NS

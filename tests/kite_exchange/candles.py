"""History: what the market has printed since the exchange began, and before that a past that a seed makes up.

The made-up past is a bridge from one day's close to the next, minute by minute; its last close is the close the board started from.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.kite_exchange.board import Ints
from tests.kite_exchange.catalogue import Listing, rupees
from tests.kite_exchange.clock import IST, SECOND, day_ns
from tests.kite_exchange.days import hours_of
from tests.kite_exchange.errors import wrong_input

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange

MINUTES = {"minute": 1, "3minute": 3, "5minute": 5, "10minute": 10, "15minute": 15, "30minute": 30, "60minute": 60, "day": 0}
MOST_DAYS = {"minute": 60, "3minute": 100, "5minute": 100, "10minute": 100, "15minute": 200, "30minute": 200, "60minute": 400, "day": 2000}
MINUTE_NS = 60 * SECOND


class Recorder:
    """Minute bars of what the market has printed: for each minute, the rows that traded and their open, high, low, close, volume."""

    def __init__(self, count: int) -> None:
        self._minute = -1
        self._forming = np.zeros((5, count), np.int64)
        self._done: dict[int, tuple[Ints, Ints]] = {}

    def print(self, rows: Ints, prices: Ints, quantities: Ints, now_ns: int) -> None:
        """Take in trades."""
        minute = now_ns // MINUTE_NS
        if minute != self._minute:
            self._close()
            self._minute = minute
        bars = self._forming
        fresh = bars[0, rows] == 0
        for column in range(3):
            bars[column, rows] = np.where(fresh, prices, bars[column, rows])
        bars[1, rows] = np.maximum(bars[1, rows], prices)
        bars[2, rows] = np.minimum(bars[2, rows], prices)
        bars[3, rows] = prices
        bars[4, rows] += quantities

    def _close(self) -> None:
        traded = np.flatnonzero(self._forming[0])
        if len(traded):
            self._done[self._minute] = (traded, self._forming[:, traded].copy())
            self._forming[:] = 0

    def bars(self, row: int, first_ns: int, last_ns: int) -> list[list[int]]:
        """Return [minute's ns, open, high, low, close, volume] of a row, the forming minute included."""
        found = []
        first, last = first_ns // MINUTE_NS, last_ns // MINUTE_NS
        for minute in [*(one for one in self._done if first <= one <= last), *([self._minute] if first <= self._minute <= last else [])]:
            if minute == self._minute:
                columns = self._forming[:, row]
            else:
                rows, values = self._done[minute]
                place = int(np.searchsorted(rows, row))
                if place == len(rows) or rows[place] != row:
                    continue
                columns = values[:, place]
            if columns[0]:
                found.append([minute * MINUTE_NS, *columns.tolist()])
        return found


class History:
    """Answers for candles of any supported interval."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.began_ns = exchange.clock.now_ns
        self._began = exchange.clock.today()
        self._first_price = exchange.board.close.copy()
        self.recorder = Recorder(len(exchange.board.token))
        self._made: dict[tuple[int, date], Ints] = {}

    def candles(self, listing: Listing, interval: str, first: datetime, last: datetime, has_oi: bool) -> list[list[Any]]:
        """Return Kite's candles from `first` to `last`, both included, by their opening time."""
        first_ns, last_ns = int(first.timestamp()) * SECOND, int(last.timestamp()) * SECOND
        bars = self._minutes(listing, first, last)
        if interval != "minute":
            bars = self._gather(listing, bars, MINUTES[interval])
        wanted = [bar for bar in bars if first_ns <= bar[0] <= last_ns]
        oi = [int(self._exchange.board.oi[listing.row])] if has_oi else []
        return [[_stamp(bar[0]), *(rupees(price) for price in bar[1:5]), bar[5], *oi] for bar in wanted]

    def _minutes(self, listing: Listing, first: datetime, last: datetime) -> list[list[int]]:
        now_ns = self._exchange.clock.now_ns
        bars: list[list[int]] = []
        day, end = first.date(), min(last.date(), self._exchange.clock.today())
        is_taped = listing.row in self._exchange.taped
        while day <= end:
            if day <= self._began and not is_taped:
                bars += [bar for bar in self._past_day(listing, day).tolist() if bar[0] + MINUTE_NS <= self.began_ns]
            if day >= self._began or is_taped:
                bars += self.recorder.bars(listing.row, day_ns(day), min(day_ns(day + timedelta(days=1)) - 1, now_ns))
            day += timedelta(days=1)
        return bars

    def _level(self, listing: Listing, day: date) -> float:
        since = (day - self._began).days + 1  # 0 on the day before the exchange began
        return float(self._first_price[listing.row]) * (1 + 0.15 * math.sin(since / 37) + 0.02 * math.sin(since * 1.7))

    def _past_day(self, listing: Listing, day: date) -> Ints:
        if not self._exchange.days.is_working(day):
            return np.zeros((0, 6), np.int64)
        key = (listing.token, day)
        if key not in self._made:
            self._made[key] = self._make_day(listing, day)
        return self._made[key]

    def _make_day(self, listing: Listing, day: date) -> Ints:
        start, end = hours_of(listing.exchange)
        count = end - start
        random = np.random.default_rng([self._exchange.options.seed, listing.token, day.toordinal()])
        before = day - timedelta(days=1)
        while not self._exchange.days.is_working(before):
            before -= timedelta(days=1)
        steps = random.normal(0, 1, count)
        walk = np.cumsum(steps - steps.mean()) * self._first_price[listing.row] * 0.0004
        target = self._level(listing, day) if day < self._began else self._first_price[listing.row]
        ends = np.linspace(self._level(listing, before), target, count + 1)[1:] + walk
        ends = np.maximum(np.rint(ends / listing.tick).astype(np.int64), 2) * listing.tick
        starts = np.concatenate(([ends[0]], ends[:-1]))
        reach = random.integers(0, 3, (2, count)) * listing.tick
        highs = np.maximum(starts, ends) + reach[0]
        lows = np.maximum(np.minimum(starts, ends) - reach[1], listing.tick)
        volume = np.zeros(count, np.int64) if listing.is_index else random.integers(1, 5000, count)
        times = day_ns(day) + (start + np.arange(count)) * MINUTE_NS
        return np.stack([times, starts, highs, lows, ends, volume], axis=1)

    def _gather(self, listing: Listing, bars: list[list[int]], minutes: int) -> list[list[int]]:
        """Put minute bars together, counted from the opening of the session; 0 minutes = the day."""
        start = hours_of(listing.exchange)[0]
        gathered: list[list[int]] = []
        for bar in bars:
            moment = datetime.fromtimestamp(bar[0] // SECOND, IST)
            midnight = bar[0] - (moment.hour * 60 + moment.minute) * MINUTE_NS
            place = (moment.hour * 60 + moment.minute - start) // minutes if minutes else 0
            opening = midnight + (start + place * minutes) * MINUTE_NS if minutes else midnight
            if gathered and gathered[-1][0] == opening:
                last = gathered[-1]
                last[2], last[3] = max(last[2], bar[2]), min(last[3], bar[3])
                last[4], last[5] = bar[4], last[5] + bar[5]
            else:
                gathered.append([opening, *bar[1:]])
        return gathered


def _stamp(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // SECOND, IST).strftime("%Y-%m-%dT%H:%M:%S+0530")


def read_moment(text: str, name: str) -> datetime:
    """Read `YYYY-MM-DD`, with or without ` HH:MM:SS`, as India's time."""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST)
        except ValueError:
            continue
    raise wrong_input(f"invalid {name} date")

"""The days and hours of the market, as far as an importer must know them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.clock import IST_OFFSET_NS

DAY_NS = 86_400 * 10**9
MINUTE_NS = 60 * 10**9

_EPOCH = date(1970, 1, 1)


class TradingDays(Protocol):
    """What of the market's calendar is asked; `engine.calendar.Calendar` answers it."""

    def is_trading_day(self, day: date) -> bool:
        """Tell whether shares trade on that day."""
        ...

    def session_open_ns(self, day: date) -> int:
        """Return when the day's first session opens."""
        ...

    def sessions(self, instrument: None, day: date) -> Sequence[tuple[int, int]]:
        """Return opens and closes of the day's sessions."""
        ...


class EveryDay:
    """Every day is a trading day, from 09:15 to 15:30: what is assumed without a calendar."""

    def is_trading_day(self, day: date) -> bool:
        """Say yes."""
        return True

    def session_open_ns(self, day: date) -> int:
        """Return 09:15."""
        return _midnight(day) + 555 * MINUTE_NS

    def sessions(self, instrument: None, day: date) -> Sequence[tuple[int, int]]:
        """Return 09:15 to 15:30."""
        return [(_midnight(day) + 555 * MINUTE_NS, _midnight(day) + 930 * MINUTE_NS)]


class DayTable:
    """What the calendar says of the days of many times, asked once a day instead of once a row."""

    def __init__(self, times: NDArray[np.int64], days: TradingDays) -> None:
        self.numbers = (times + IST_OFFSET_NS) // DAY_NS
        """Each row's day of India, counted from 1970."""
        numbers, self._which = np.unique(self.numbers, return_inverse=True)
        self._dates = [_EPOCH + timedelta(days=int(number)) for number in numbers]
        self._days = days

    @property
    def opens(self) -> NDArray[np.int64]:
        """When each row's day opens."""
        return self._spread([self._days.session_open_ns(day) for day in self._dates])

    @property
    def is_trading(self) -> NDArray[np.bool_]:
        """Whether each row's day is a trading day."""
        return self._spread([self._days.is_trading_day(day) for day in self._dates], np.bool_)

    @property
    def closes(self) -> NDArray[np.int64]:
        """When each row's day closes at last; the open of a day whose hours are not known."""
        ends = [[close for _, close in self._days.sessions(None, day)] for day in self._dates]
        return self._spread([max(end, default=self._days.session_open_ns(day)) for end, day in zip(ends, self._dates, strict=True)])

    def is_open(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell of each row's time whether the market trades then, breaks left out."""
        sessions = [self._days.sessions(None, day) for day in self._dates]
        inside = np.zeros(len(times), dtype=bool)
        for nth in range(max(map(len, sessions), default=0)):
            hours = [day[nth] if nth < len(day) else (0, 0) for day in sessions]
            inside |= (times >= self._spread([opens for opens, _ in hours])) & (times < self._spread([closes for _, closes in hours]))
        return inside

    def date_of(self, row: int) -> date:
        """Return the day of a row."""
        return self._dates[int(self._which[row])]

    def _spread(self, by_day: list[Any], dtype: type[np.generic] = np.int64) -> NDArray[Any]:
        return np.array(by_day, dtype=dtype)[self._which]


def _midnight(day: date) -> int:
    return (day - _EPOCH).days * DAY_NS - IST_OFFSET_NS

"""Whose quote has stood still for too long while its market traded, though the feed itself may be alive.

Pure. Only trading time ages a quote: a share in the closing auction, an index after 15:15 or anything overnight stands still rightly,
and from the open on it has as long as any other. Orders are judged by the rule `quote_age` on the clock's time, which is stricter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.calendar import Calendar, day_of
from engine.core.model import Instrument, InstrumentKind
from engine.rules.quote_age import PATIENCE

LIMIT_S = 5.0
"""Trading seconds without a tick after which what trades briskly is stale; what trades thinly has `PATIENCE` times as long."""

_SECOND_NS = 1e9


def trading_age_s(last_ns: NDArray[np.int64], now_ns: int, sessions: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return how many seconds of the given sessions have passed since each time; times before them all count as the first open."""
    age = np.zeros(len(last_ns))
    for opens_ns, closes_ns in sessions:
        age += np.maximum(min(now_ns, closes_ns) - np.maximum(last_ns, opens_ns), 0) / _SECOND_NS
    return age


def allowed_age_s(instrument: Instrument, limit_s: float = LIMIT_S) -> float:
    """Return how long a quote may stand still in trading seconds: indices and what has derivatives trade all the time, the rest may not."""
    is_brisk = instrument.has_derivatives or instrument.kind is InstrumentKind.INDEX
    return limit_s if is_brisk else PATIENCE * limit_s


class Staleness:
    """Which instruments of a list are stale; the list may grow."""

    def __init__(self, calendar: Calendar | None, limit_s: float = LIMIT_S) -> None:
        """Without a calendar the market always trades."""
        self._calendar = calendar
        self._limit_s = limit_s
        self._allowed: list[float] = []
        self._groups: dict[tuple[object, ...], tuple[Instrument, list[int]]] = {}

    def stale(self, instruments: Sequence[Instrument], last_ns: NDArray[np.int64], now_ns: int) -> NDArray[np.bool_]:
        """Tell for each instrument whether its last tick (`last_ns`, 0 = never) is too old; the list may only have grown since."""
        self._take_in(instruments)
        age = np.zeros(len(instruments))
        for instrument, places in self._groups.values():
            hours = [(0, now_ns)] if self._calendar is None else self._calendar.sessions(instrument, day_of(now_ns))
            age[places] = trading_age_s(last_ns[places], now_ns, hours)
        return age > np.array(self._allowed)

    def _take_in(self, instruments: Sequence[Instrument]) -> None:
        """Group what trades at the same hours, so that the calendar is asked once for all of it."""
        for place in range(len(self._allowed), len(instruments)):
            instrument = instruments[place]
            key = (instrument.exchange, instrument.has_derivatives, instrument.kind is InstrumentKind.INDEX)
            self._groups.setdefault(key, (instrument, []))[1].append(place)
            self._allowed.append(allowed_age_s(instrument, self._limit_s))

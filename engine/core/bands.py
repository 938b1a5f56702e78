"""How far a price may go in a day: the exchange's circuit limits, a percentage of the close of the day before.

Pure and made once for all bars. Limits lie on the tick grid, never beyond the percentage; on the first day of the data, whose close
of the day before is not known, there are none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import InvalidOption
from engine.core.grid import against
from engine.core.records import Rows

DAY_NS = 86_400_000_000_000
IST_NS = 19_800_000_000_000

Band: TypeAlias = float | Mapping[date, float]
"""Percent of the close of the day before, 0 = none; or by the day (India's) from which it holds."""

_EPOCH = date(1970, 1, 1)


def check_band(band: Band, what: str) -> None:
    """Raise InvalidOption for percentages out of range."""
    for percent in band.values() if isinstance(band, Mapping) else (band,):
        if not 0.0 <= percent < 100.0:
            raise InvalidOption(f"Expected the band of {what} to be from 0 to less than 100 %, was {percent}; change it.")


def band_limits(bars: Rows, ticks: Sequence[float], bands: Sequence[Band]) -> NDArray[np.float64]:
    """Return lowest and highest price, one row a bar, of BAR rows in order of time; `ticks` and `bands` are by instrument."""
    limits = np.empty((len(bars), 2))
    limits[:] = (-math.inf, math.inf)
    times, closes = bars["time_ns"], bars["close"]
    for number, (tick, band) in enumerate(zip(ticks, bands, strict=True)):
        mine = slice(None) if len(ticks) == 1 else np.flatnonzero(bars["instrument"] == number)
        if band and len(times[mine]):
            limits[mine] = _limits_of(times[mine], closes[mine], tick, band)
    return limits


def _limits_of(times: NDArray[np.int64], closes: NDArray[np.float64], tick: float, band: Band) -> NDArray[np.float64]:
    days = (times + IST_NS) // DAY_NS
    firsts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    limits = np.full((len(firsts), 2), (-math.inf, math.inf))
    for at, first in enumerate(firsts[1:].tolist(), 1):
        percent = _percent_on(int(days[first]), band)
        if percent:
            close, reach = float(closes[first - 1]), percent / 100.0
            # Rounded up for the lowest, down for the highest: no price beyond the percentage.
            limits[at] = against(close * (1.0 - reach), tick, 1), against(close * (1.0 + reach), tick, -1)
    return np.repeat(limits, np.diff([*firsts, len(times)]), axis=0)


def _percent_on(day: int, band: Band) -> float:
    if not isinstance(band, Mapping):
        return band
    held = [since for since in band if (since - _EPOCH).days <= day]
    return band[max(held)] if held else 0.0

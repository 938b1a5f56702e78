"""Prices and volumes of a market that never was, yet is the same whenever it is asked: a day is a function of seed, share and date.

Levels wander about a reference price from day to day; within a day a path leads from a gapped open to the day's level, livelier and
with more volume in the morning and before the close. A part of every move is the whole market's. All prices lie on the tick grid.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.core.bars import MINUTE_NS
from engine.core.model import Instrument, InstrumentKind
from engine.core.records import BAR, Rows

POINTS_A_MINUTE = 6
_EPOCH = date(2020, 1, 1).toordinal()
_PULL = 0.02
"""How much of its distance from the reference price a level loses in a day."""
_DAILY, _GAP, _INTRADAY = 0.012, 0.003, 0.009
"""Standard deviations of the day's level, of the opening gap and of the way between them."""
_OF_MARKET = 0.6
"""Share of a move that is the whole market's."""
_TURNOVER = 4e9
"""Rupees of one share traded on an ordinary day."""
_KEPT_DAYS = 600


@dataclass(frozen=True, slots=True)
class Day:
    """One instrument's day."""

    open_ns: int
    previous_close: float
    points: NDArray[np.float64]
    """Fair price at every sixth of a minute, from the open to the close, the close included."""
    volumes: NDArray[np.int64]
    """Shares traded in each minute."""

    def price(self, time_ns: int) -> float:
        """Return the fair price at a moment, between the points; not on the grid."""
        at = min(max(0.0, (time_ns - self.open_ns) / (MINUTE_NS / POINTS_A_MINUTE)), len(self.points) - 1.0)
        first = min(int(at), len(self.points) - 2)
        return float(self.points[first] + (self.points[first + 1] - self.points[first]) * (at - first))

    def bars(self) -> Rows:
        """Return the day's minute bars."""
        minutes = len(self.volumes)
        points = self.points[:-1].reshape(minutes, POINTS_A_MINUTE)
        made: Rows = np.zeros(minutes, dtype=BAR)
        made["session_minute"] = np.arange(minutes)
        made["time_ns"] = self.open_ns + np.arange(minutes) * MINUTE_NS
        made["open"], made["close"] = points[:, 0], points[:, -1]
        made["high"], made["low"] = points.max(axis=1), points.min(axis=1)
        made["volume"] = self.volumes
        return made


class GeneratedPrices:
    """The days of all instruments for one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._levels: dict[str, NDArray[np.float64]] = {}
        self._days: OrderedDict[tuple[str, date, int], Day] = OrderedDict()

    def day(self, instrument: Instrument, reference: float, on: date, open_ns: int, minutes: int) -> Day:
        """Return a day of that many minutes of an instrument that is worth about `reference` rupees."""
        wanted = (instrument.key, on, minutes)
        if (found := self._days.get(wanted)) is None:
            found = self._days[wanted] = self._make(instrument, reference, on, open_ns, minutes)
            if len(self._days) > _KEPT_DAYS:
                self._days.popitem(last=False)
        return found

    def _make(self, instrument: Instrument, reference: float, on: date, open_ns: int, minutes: int) -> Day:
        rng = self._rng(instrument.key, on.toordinal())
        before, after = (reference * float(np.exp(self._level(instrument.key, on.toordinal() - ago))) for ago in (1, 0))
        curve = _curve(minutes)
        moves = rng.standard_normal(minutes * POINTS_A_MINUTE)
        of_market = self._rng("", on.toordinal()).standard_normal(minutes * POINTS_A_MINUTE)
        moves = _OF_MARKET * of_market + np.sqrt(1 - _OF_MARKET**2) * moves
        spread = np.repeat(np.sqrt(curve), POINTS_A_MINUTE)
        walk = np.concatenate([[0.0], np.cumsum(moves * spread)]) / np.sqrt(POINTS_A_MINUTE)
        passed = np.concatenate([[0.0], np.cumsum(spread**2)]) / np.sum(spread**2)
        opened = np.log(before) + _GAP * rng.standard_normal()
        path = opened + passed * (np.log(after) - opened) + _INTRADAY * (walk - passed * walk[-1])
        tick = float(instrument.tick_size)
        return Day(
            open_ns=open_ns,
            previous_close=float(_on_grid(np.array([before]), tick)[0]),
            points=_on_grid(np.exp(path), tick),
            volumes=self._volumes(instrument, reference, rng, curve),
        )

    @staticmethod
    def _volumes(instrument: Instrument, reference: float, rng: np.random.Generator, curve: NDArray[np.float64]) -> NDArray[np.int64]:
        if instrument.kind is InstrumentKind.INDEX:
            return np.zeros(len(curve), dtype=np.int64)
        noise = np.exp(0.5 * rng.standard_normal(len(curve)) + 0.3 * rng.standard_normal())
        lots = _TURNOVER / reference * curve * noise / instrument.lot_size
        return np.maximum(lots, 1).astype(np.int64) * instrument.lot_size

    def _level(self, key: str, ordinal: int) -> float:
        """Return the logarithm of a day's closing level over the reference price."""
        index = ordinal - _EPOCH
        levels = self._levels.get(key)
        if levels is None or index >= len(levels):
            count = max(index + 366, 1)
            steps = _OF_MARKET * self._rng("", 0).standard_normal(count)
            steps += np.sqrt(1 - _OF_MARKET**2) * self._rng(key, 0).standard_normal(count)
            levels, level = np.empty(count), 0.0
            for i in range(count):
                level = level * (1 - _PULL) + _DAILY * steps[i]
                levels[i] = level
            self._levels[key] = levels
        return float(levels[max(index, 0)])

    def _rng(self, key: str, ordinal: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, crc32(key.encode()), ordinal])


def _curve(minutes: int) -> NDArray[np.float64]:
    """Return each minute's share of the day's volume: high at the open, low at noon, rising to the close."""
    minute = np.arange(minutes)
    shape = 0.6 + 1.8 * np.exp(-minute / 25) + 0.9 * np.exp(-(minutes - 1 - minute) / 20)
    return np.asarray(shape / shape.sum(), dtype=np.float64)


def _on_grid(prices: NDArray[np.float64], tick: float) -> NDArray[np.float64]:
    """Put prices on the grid, as `core.grid.to_tick` does one."""
    step = round(tick * 10_000)
    return np.asarray(np.maximum(np.floor(prices * 10_000 / step + 0.5), 1) * step / 10_000, dtype=np.float64)

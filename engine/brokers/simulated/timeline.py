"""The bars of a replay in the order in which they happen: time after time, at one time instrument after instrument.

Pure and prepared once; what is dear to make (ticks) is made a block at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.brokers.simulated.bar_ticks import TICKS_A_BAR, day_figures, set_day_figures, ticks_of_bars
from engine.brokers.simulated.quote_feed import to_quote
from engine.core.bands import Band, band_limits, check_band
from engine.core.bars import SECOND_NS, ticks_of
from engine.core.errors import HistoryMissing, InvalidOption
from engine.core.model import Instrument, InstrumentKind, Quote
from engine.core.records import BAR, MODE_INDEX, MODE_QUOTE, Rows

BLOCK = 512
"""Bars whose ticks are made together."""


class Timeline:
    """All bars of a replay, merged."""

    def __init__(self, bars: Mapping[Instrument, Rows], interval_s: int | None = None) -> None:
        """Merge BAR rows by instrument; the interval is the most common distance between two bars unless given.

        Raises HistoryMissing when there are none, InvalidOption when an instrument's bars are not in order of time.
        """
        if not any(len(rows) for rows in bars.values()):
            raise HistoryMissing("Expected bars to replay, was none; give a file that has bars of these symbols.")
        for instrument, rows in bars.items():
            if np.any(np.diff(rows["time_ns"]) <= 0):
                raise InvalidOption(f"Expected bars of {instrument.key} in order of time, each once; sort them and drop duplicates.")
        self.instruments = tuple(bars)
        self.interval_s = interval_s or _common_interval_s(list(bars.values()))
        numbers = np.repeat(np.arange(len(bars), dtype=np.int32), [len(rows) for rows in bars.values()])
        merged = np.concatenate([rows.astype(BAR, copy=False) for rows in bars.values()])
        merged["instrument"] = numbers
        figures = np.concatenate([day_figures(rows) for rows in bars.values()])
        order = np.lexsort((numbers, merged["time_ns"]))
        self.bars: Rows = merged[order]
        self._figures: Rows = figures[order]
        tokens = np.array([i.token for i in self.instruments], dtype=np.int64)
        modes = np.array([MODE_INDEX if i.kind is InstrumentKind.INDEX else MODE_QUOTE for i in self.instruments], dtype=np.int8)
        self._tokens, self._modes = tokens[self.bars["instrument"]], modes[self.bars["instrument"]]
        starts = np.flatnonzero(np.diff(self.bars["time_ns"], prepend=self.bars["time_ns"][0] - 1))
        self.times: list[int] = self.bars["time_ns"][starts].tolist()
        """Time of each step, ns."""
        self.bounds: list[int] = [*starts.tolist(), len(self.bars)]
        """Step i has the bars from bounds[i] up to bounds[i + 1]."""
        self.numbers: list[int] = self.bars["instrument"].tolist()
        """Which of `instruments` each bar belongs to."""
        self.lows, self.highs = (np.ascontiguousarray(self.bars[name]) for name in ("low", "high"))
        self._block: Rows | None = None
        self._block_first = self._block_end = 0

    def ticks(self, first: int, end: int) -> Rows:
        """Return four TICK rows of each bar from first up to end, as a part of a block that is made ahead."""
        if self._block is None or not (self._block_first <= first and end <= self._block_end):
            self._block_first, self._block_end = first, max(end, min(first + BLOCK, len(self.bars)))
            part = slice(self._block_first, self._block_end)
            self._block = ticks_of_bars(self.bars[part], self._figures[part], self._tokens[part], self._modes[part], self.interval_s)
        offset = self._block_first
        made: Rows = self._block[(first - offset) * TICKS_A_BAR : (end - offset) * TICKS_A_BAR]
        return made

    def fine_ticks(self, first: int, end: int, count: int) -> Rows:
        """Return TICK rows of shape (bars, count) of the bars from first up to end: finer steps, for a replay that is watched."""
        ticks = np.stack(
            [
                ticks_of(
                    self.bars[row],
                    count,
                    token=int(self._tokens[row]),
                    mode=int(self._modes[row]),
                    interval_s=self.interval_s,
                    tick_size=float(self.instruments[self.numbers[row]].tick_size),
                )
                for row in range(first, end)
            ]
        )
        set_day_figures(ticks, self._figures[first:end])
        return ticks

    def history(self, instrument: Instrument, start_ns: int, end_ns: int) -> Rows:
        """Return an instrument's own bars that start in [start, end); raises HistoryMissing for one that has none here."""
        if instrument not in self.instruments:
            raise HistoryMissing(f"Expected an instrument of this replay, was {instrument.key}.")
        mine = self.bars[self.bars["instrument"] == self.instruments.index(instrument)]
        rows: Rows = mine[(mine["time_ns"] >= start_ns) & (mine["time_ns"] < end_ns)]
        return rows

    def bands(self, bands: Mapping[Instrument, Band]) -> NDArray[np.float64]:
        """Return lowest and highest price of the day, one row a bar; raises InvalidOption for percentages out of range."""
        for instrument, band in bands.items():
            check_band(band, instrument.key)
        ticks = [float(instrument.tick_size) for instrument in self.instruments]
        return band_limits(self.bars, ticks, [bands.get(instrument, 0.0) for instrument in self.instruments])

    def count(self, instrument: Instrument, start_ns: int, end_ns: int) -> int:
        """Count an instrument's bars that start in [start, end)."""
        times = self.bars["time_ns"][self.bars["instrument"] == self.instruments.index(instrument)]
        return int(((times >= start_ns) & (times < end_ns)).sum())

    def quote(self, row: int) -> Quote:
        """Return what the screen would show once a bar is over."""
        return to_quote(self.instruments[self.numbers[row]], self.ticks(row, row + 1)[-1])


def _common_interval_s(bars: list[Rows]) -> int:
    steps = np.concatenate([np.diff(rows["time_ns"]) for rows in bars]) // SECOND_NS
    if len(steps) == 0:
        return 60
    found, counts = np.unique(steps, return_counts=True)
    return int(found[np.argmax(counts)])

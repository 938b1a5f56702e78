"""A market that plays bars again, in lock-step with the session: its clock waits until all that came of a step was dealt with.

So a run through the whole engine gives the fills of the compiled replay. The order of a step: what was decided on closed bars, the
open, the range, the ticks (which only the screen and the bars being made need), the next decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.brokers.base import BrokerSink
from engine.brokers.simulated.bar_venue import DECIDE, NO_BAND, OPEN, RANGE, BarVenue
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.pace import Pace
from engine.brokers.simulated.timeline import Timeline
from engine.brokers.simulated.wire import Wire
from engine.clock import Clock, ManualClock
from engine.core.bands import Band
from engine.core.bars import SECOND_NS, resample
from engine.core.friction import Friction
from engine.core.model import Instrument, Quote
from engine.core.records import Rows

FRAMES_A_SECOND = 8
"""Frames of ticks while a replay is watched."""


class BarReplay:
    """The market of a replay of bars."""

    is_replay = True
    has_history = True

    def __init__(
        self,
        bars: Mapping[Instrument, Rows],
        *,
        speed: float,
        touch: bool,
        interval_s: int | None,
        wall: Clock,
        friction: Friction | None = None,
        bands: Mapping[Instrument, Band] | None = None,
    ) -> None:
        """`speed`: how many times faster than real, math.inf for as fast as it can. `bands`: how far prices may go in a day."""
        self._timeline = Timeline(bars, interval_s)
        self._interval_ns = self._timeline.interval_s * SECOND_NS
        self._speed = speed
        self._touch = touch
        self._friction = friction
        self._bands = self._timeline.bands(bands) if bands else None
        self._pace = Pace(wall, speed)
        self._told_ns = 0
        self._stage_done = DECIDE
        self._keys = [instrument.key for instrument in self._timeline.instruments]
        self._last_rows: dict[str, int] = {}
        self._subscribed: set[str] = set()
        self._step = 0
        self.clock = ManualClock(self._timeline.times[0])
        self.is_warming_up = False
        self.resumed_until_ns = 0

    @property
    def instruments(self) -> Sequence[Instrument]:
        """What is replayed."""
        return self._timeline.instruments

    @property
    def progress(self) -> float:
        """Return how much of the replay is over, 0 to 1."""
        return self._step / len(self._timeline.times)

    def open(self, file: LedgerFile, wire: Wire) -> BarVenue:
        """Make the venue; a file that remembers how far the market came lets it go on from there."""
        self._file, self._wire = file, wire
        self.resumed_until_ns, self._stage_done = file.position
        self.is_warming_up = self.resumed_until_ns > 0
        self._venue = BarVenue(self.instruments, self._touch, wire.settle, friction=self._friction, passed=self._passed)
        self._venue.time_ns, self._venue.stage = file.position
        return self._venue

    def _passed(self, instrument: Instrument, since_ns: int) -> int:
        """Count the bars that were played in full before the market stopped."""
        return self._timeline.count(instrument, since_ns, self.resumed_until_ns)

    def begin(self) -> None:
        """Nothing to do: a replay's orders are good until they fill, over days, too."""

    def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send ticks of these."""
        self._subscribed.update(instrument.key for instrument in instruments if instrument.key in self._keys)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""
        self._subscribed.difference_update(instrument.key for instrument in instruments)

    def quote(self, instrument: Instrument) -> Quote | None:
        """Return the latest of an instrument, None before its first bar."""
        row = self._last_rows.get(instrument.key)
        return None if row is None else self._timeline.quote(row)

    def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Return closed bars that start in [start, end) and ended by now; raises HistoryMissing for what is not replayed."""
        rows = self._timeline.history(instrument, start_ns, min(end_ns, self.clock.now_ns() - self._interval_ns + 1))
        if interval_s == self._timeline.interval_s:
            return rows
        made = resample(rows, interval_s)
        closed: Rows = made[made["time_ns"] + interval_s * SECOND_NS <= self.clock.now_ns()]
        return closed

    async def run(self, sink: BrokerSink) -> None:
        """Play from where it stopped to the end; returns when all of it was dealt with."""
        self._pace.begin()
        for step, time_ns in enumerate(self._timeline.times):
            if time_ns > self._told_ns:
                await self._tell(sink, time_ns)
            if time_ns >= self.resumed_until_ns:
                await self._match(sink, step, time_ns)
            else:
                self._send(sink, step, time_ns)
            await self._tell(sink, time_ns + self._interval_ns)
            self._step = step + 1
            if self._pace.is_full_speed:
                await self._pace.wait(0)

    async def _match(self, sink: BrokerSink, step: int, time_ns: int) -> None:
        """Play one step's open and range; at full speed its ticks follow, watched they come between the two."""
        keys, numbers, bars = self._keys, self._timeline.numbers, self._timeline.bars
        lows, highs = self._timeline.lows, self._timeline.highs
        rows = range(self._timeline.bounds[step], self._timeline.bounds[step + 1])
        is_watched = not self._pace.is_full_speed
        if not (time_ns == self.resumed_until_ns and self._stage_done == RANGE):
            self._enter(time_ns, OPEN)
            for row in rows:
                key = keys[numbers[row]]
                if not self._venue.is_untouched(key, lows[row], highs[row]):
                    await self._venue.open(key, bars[row], self._band(row))
        self._enter(time_ns, RANGE)
        if is_watched:
            await self._send_slowly(sink, step, time_ns)
        for row in rows:
            key = keys[numbers[row]]
            if not self._venue.is_untouched(key, lows[row], highs[row]):
                await self._venue.range(key, bars[row], self._band(row))
        self._venue.stage = DECIDE
        if not is_watched:
            self._send(sink, step, time_ns)

    def _band(self, row: int) -> tuple[float, float]:
        return NO_BAND if self._bands is None else (float(self._bands[row, 0]), float(self._bands[row, 1]))

    def _enter(self, time_ns: int, stage: int) -> None:
        self._venue.time_ns, self._venue.stage = time_ns, stage
        self._file.be_at(time_ns, stage)

    async def _tell(self, sink: BrokerSink, time_ns: int) -> None:
        """Let the market's time be this: bars close, strategies decide."""
        self._told_ns = time_ns
        self._move_to(time_ns)
        sink.on_time(time_ns)
        await self._wire.settle()

    def _move_to(self, time_ns: int) -> None:
        self.clock.set(time_ns)
        self._venue.stage = DECIDE
        # At the very moment of resuming the session may make up for what the cut kept it from doing; the place was written down before.
        self.is_warming_up = time_ns < self.resumed_until_ns
        if time_ns > self.resumed_until_ns:
            self._file.be_at(time_ns, DECIDE)

    def _send(self, sink: BrokerSink, step: int, time_ns: int) -> None:
        """Send a step's ticks in one frame."""
        first, end = self._timeline.bounds[step], self._timeline.bounds[step + 1]
        ticks = self._wanted(self._timeline.ticks(first, end), first, end)
        self._note(first, end)
        if len(ticks):
            # The last second of the bar: a quote that is as old as the bar would be too old to trade on.
            self._move_to(time_ns + self._interval_ns - SECOND_NS)
            sink.on_ticks(ticks)

    async def _send_slowly(self, sink: BrokerSink, step: int, time_ns: int) -> None:
        """Send a step's ticks over as long as it takes at this speed."""
        first, end = self._timeline.bounds[step], self._timeline.bounds[step + 1]
        interval_s = self._timeline.interval_s
        count = min(max(4, round(interval_s / self._speed * FRAMES_A_SECOND)), interval_s)
        ticks = self._timeline.fine_ticks(first, end, count)
        self._note(first, end)
        for number in range(count):
            await self._pace.wait(interval_s / count)
            self.clock.set(time_ns + self._interval_ns * number // count)
            frame = np.ascontiguousarray(self._wanted(ticks[:, number], first, end, 1))
            if len(frame):
                sink.on_ticks(frame)

    def _wanted(self, ticks: Rows, first: int, end: int, ticks_a_bar: int = 4) -> Rows:
        """Leave out what nobody subscribed."""
        if len(self._subscribed) == len(self._keys):
            return ticks
        wanted = [self._keys[number] in self._subscribed for number in self._timeline.numbers[first:end]]
        chosen: Rows = ticks[np.repeat(wanted, ticks_a_bar)]
        return chosen

    def _note(self, first: int, end: int) -> None:
        for row in range(first, end):
            self._last_rows[self._keys[self._timeline.numbers[row]]] = row

"""A market that plays recorded ticks again: second after second, tick after tick, each told to the books before the screen.

The order book decides what fills. A resumed replay tells what was before without matching it: a tick that was matched is not matched
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.brokers.base import BrokerSink
from engine.brokers.simulated.book_venue import BookVenue
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.orders import ExchangeOrder
from engine.brokers.simulated.pace import Pace
from engine.brokers.simulated.quote_feed import QuoteFeed
from engine.brokers.simulated.wire import Wire
from engine.clock import Clock, ManualClock
from engine.core.bars import SECOND_NS
from engine.core.errors import HistoryMissing
from engine.core.model import Instrument, Quote
from engine.core.records import Rows

LONGEST_WAIT_S = 5.0
"""Market seconds that a hole in the data, or a night, is waited for at most."""


class TickReplay:
    """The market of a replay of ticks."""

    is_replay = True
    has_history = False

    def __init__(self, ticks: Mapping[Instrument, Rows], *, speed: float, touch: bool, wall: Clock) -> None:
        """Merge TICK rows by instrument, each in order of time; raises HistoryMissing when there are none."""
        if not any(len(rows) for rows in ticks.values()):
            raise HistoryMissing("Expected ticks to replay, was none; give a file that has ticks of these symbols.")
        self._by_key = {instrument.key: instrument for instrument in ticks}
        merged = np.concatenate(list(ticks.values()))
        merged["instrument_token"] = np.repeat([i.token for i in ticks], [len(rows) for rows in ticks.values()])
        seconds = np.where(merged["exchange_time"] > 0, merged["exchange_time"], merged["last_trade_time"])
        order = np.argsort(seconds, kind="stable")
        self._ticks: Rows = merged[order]
        starts = np.flatnonzero(np.diff(seconds[order], prepend=-1))
        self._times: list[int] = (seconds[order][starts] * SECOND_NS).tolist()
        self._bounds: list[int] = [*starts.tolist(), len(merged)]
        self._touch = touch
        self._pace = Pace(wall, speed)
        self._subscribed: set[int] = set()
        self._step = 0
        self._done = 0
        self.clock = ManualClock(self._times[0])
        self.is_warming_up = False
        self.resumed_until_ns = 0

    @property
    def instruments(self) -> Sequence[Instrument]:
        """What is replayed."""
        return list(self._by_key.values())

    @property
    def progress(self) -> float:
        """Return how much of the replay is over, 0 to 1."""
        return self._step / len(self._times)

    def open(self, file: LedgerFile, wire: Wire) -> BookVenue:
        """Make the venue; a file that remembers how far the market came lets it go on from there."""
        self._file, self._wire = file, wire
        self.resumed_until_ns, self._done = file.position
        self.is_warming_up = self.resumed_until_ns > 0
        self._venue = BookVenue(self.clock, self._refusal, touch=self._touch)
        self._feed = QuoteFeed(self._venue)
        self._feed.know(self._by_key.values())
        return self._venue

    def begin(self) -> None:
        """Nothing to do: a replay's orders are good until they fill, over days, too."""

    def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send ticks of these."""
        self._subscribed.update(instrument.token for instrument in instruments)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""
        self._subscribed.difference_update(instrument.token for instrument in instruments)

    def quote(self, instrument: Instrument) -> Quote | None:
        """Return the latest of an instrument, None before its first tick."""
        return self._feed.quote(instrument)

    def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Raise HistoryMissing: ticks have no bars but those that are being made of them."""
        raise HistoryMissing(f"Expected bars of {instrument.key}, was a replay of ticks; replay bars, or import them.")

    async def run(self, sink: BrokerSink) -> None:
        """Play from where it stopped to the end; returns when all of it was dealt with."""
        self._pace.begin()
        for step, time_ns in enumerate(self._times):
            await self._pace.wait(min((time_ns - self.clock.now_ns()) / SECOND_NS, LONGEST_WAIT_S))
            await self._tell(sink, time_ns)
            ticks = self._ticks[self._bounds[step] : self._bounds[step + 1]]
            await self._match(ticks, time_ns)
            self._send(sink, ticks, time_ns)
            await self._wire.settle()
            self._step = step + 1
        await self._tell(sink, self._times[-1] + 60 * SECOND_NS)

    async def _tell(self, sink: BrokerSink, time_ns: int) -> None:
        self.clock.set(time_ns)
        self._be_at(time_ns, 0)
        sink.on_time(time_ns)
        await self._wire.settle()

    async def _match(self, ticks: Rows, time_ns: int) -> None:
        """Tell the books each tick of a second, but those that were told before."""
        if time_ns < self.resumed_until_ns:
            self._feed.remember(ticks)
            return
        done = self._done if time_ns == self.resumed_until_ns else 0
        self._feed.remember(ticks[:done])
        for index in range(done, len(ticks)):
            self._be_at(time_ns, index + 1)
            self._feed.take(ticks[index : index + 1])
            if self._wire.has_news:
                await self._wire.settle()

    def _send(self, sink: BrokerSink, ticks: Rows, time_ns: int) -> None:
        self._be_at(time_ns, len(ticks) + 1)
        wanted = ticks[np.isin(ticks["instrument_token"], list(self._subscribed))]
        if len(wanted):
            sink.on_ticks(wanted)

    def _be_at(self, time_ns: int, stage: int) -> None:
        self.is_warming_up = (time_ns, stage) <= (self.resumed_until_ns, self._done)
        if not self.is_warming_up:
            self._venue.stage = stage
            self._file.be_at(time_ns, stage)

    def _refusal(self, order: ExchangeOrder) -> str:
        if order.instrument.key in self._by_key:
            return ""
        return f"Expected an instrument of this replay ({', '.join(self._by_key)}), was {order.instrument.key}."

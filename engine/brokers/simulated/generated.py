"""A market that is made up as it goes: fifty familiar shares, liquidity in their books, and traders who take it.

Its time is its own: the wall's while the real market is open, otherwise the morning of the last trading day, so that there is always
something to see. At the close orders expire, and the next session opens at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import numpy as np

from engine.brokers.base import BrokerSink
from engine.brokers.simulated.book_venue import BookVenue
from engine.brokers.simulated.generated_prices import Day, GeneratedPrices
from engine.brokers.simulated.generated_share import GeneratedShare
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.order_book import OrderBook
from engine.brokers.simulated.orders import ExchangeOrder
from engine.brokers.simulated.pace import Pace
from engine.brokers.simulated.wire import Wire
from engine.calendar import Calendar, day_of
from engine.clock import Clock, ManualClock
from engine.core.bars import MINUTE_NS, SECOND_NS, resample
from engine.core.errors import HistoryMissing
from engine.core.model import UNITS, Instrument, Quote
from engine.core.records import BAR, TICK, Rows
from engine.instruments import Instruments

STEP_S = 0.25
"""Seconds of the wall between two frames."""
LONGEST_STEP_S = 5.0
"""Market seconds that a frame may stand for, however fast the market runs: a minute keeps its shape."""
HISTORY_DAYS = 45
"""Calendar days that history reaches back: thirty sessions."""
_MORNING_NS = 45 * MINUTE_NS
_ORDINARY_PRICE = 1_000.0


class GeneratedMarket:
    """The market of the demo, of tests, and of trying things out."""

    has_history = True
    is_warming_up = False
    resumed_until_ns = 0

    def __init__(
        self, *, seed: int, speed: float, wall: Clock, instruments: Instruments | None = None, calendar: Calendar | None = None
    ) -> None:
        """`speed`: how many times faster than real; math.inf plays one session as fast as it is dealt with, and ends."""
        self._catalogue = instruments if instruments is not None else Instruments.load_bundled()
        self._calendar = calendar if calendar is not None else Calendar.load()
        self._prices = GeneratedPrices(seed)
        self._random = Random(seed)
        self._pace = Pace(wall, speed)
        self._step_s = min(max(STEP_S, STEP_S * speed), LONGEST_STEP_S)
        self._by_key = {instrument.key: instrument for instrument in self._catalogue}
        self._hours_of = next((i for i in self._catalogue if i.is_tradable), None)
        self._shares: dict[str, GeneratedShare] = {}
        # In order of subscribing: a set's order would differ from run to run, and with it every price.
        self._subscribed: dict[str, None] = {}
        self._unsent: set[str] = set()
        self.is_replay = math.isinf(speed)
        self.clock = ManualClock(self._start_ns(wall.now_ns()))

    @property
    def instruments(self) -> Sequence[Instrument]:
        """The catalogue it was made with."""
        return list(self._by_key.values())

    @property
    def progress(self) -> float:
        """Return how much of the session is over, 0 to 1."""
        opens_ns, closes_ns = self._session(self.clock.now_ns())
        return min(1.0, (self.clock.now_ns() - opens_ns) / (closes_ns - opens_ns))

    def open(self, file: LedgerFile, wire: Wire) -> BookVenue:
        """Make the venue; time goes on from where the file was left, if that is later."""
        self._file, self._wire = file, wire
        left_ns = file.position[0]
        if left_ns >= self.clock.now_ns():
            is_open = self._calendar.is_open(self._hours_of, left_ns + SECOND_NS)
            self.clock.set(left_ns + SECOND_NS if is_open else self._calendar.next_open_ns(self._hours_of, left_ns))
        self._venue = BookVenue(self.clock, self._refusal, tape=self._print)
        return self._venue

    def begin(self) -> None:
        """Let what is left of earlier days expire."""
        self._begin_day()

    def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send ticks of these; the first comes with the next frame."""
        keys = [instrument.key for instrument in instruments if instrument.key in self._by_key]
        self._unsent.update(keys)
        self._subscribed.update(dict.fromkeys(keys))

    def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""
        for instrument in instruments:
            self._subscribed.pop(instrument.key, None)

    def quote(self, instrument: Instrument) -> Quote | None:
        """Return the latest of an instrument, None for one that is not in the catalogue."""
        key, now_ns = instrument.key, self.clock.now_ns()
        if key in self._shares:
            return self._shares[key].quote(self._venue.book(key), now_ns)
        if key not in self._by_key:
            return None
        share, book = self._new_share(key), OrderBook()
        if not share.is_index and (levels := share.levels(now_ns, Random(0))) is not None:
            book.show(*levels)
        return share.quote(book, now_ns)

    def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Return closed bars that start in [start, end); raises HistoryMissing when thirty sessions have none."""
        if instrument.key not in self._by_key:
            raise HistoryMissing(f"Expected an instrument of the generated market, was {instrument.key}.")
        now_ns = self.clock.now_ns()
        first = max(day_of(start_ns), day_of(now_ns) - timedelta(days=HISTORY_DAYS))
        days = [first + timedelta(days=i) for i in range((day_of(min(end_ns, now_ns)) - first).days + 1)]
        parts = [self._bars(instrument, day) for day in days if self._calendar.sessions(self._hours_of, day)]
        rows = np.concatenate([np.empty(0, dtype=BAR), *parts])
        rows = rows if interval_s == 60 else resample(rows[rows["time_ns"] < now_ns], interval_s)
        starts = rows["time_ns"]
        found: Rows = rows[(starts >= start_ns) & (starts < end_ns) & (starts + interval_s * SECOND_NS <= now_ns)]
        if not len(found):
            raise HistoryMissing(f"Expected bars of {instrument.key} within {HISTORY_DAYS} days before now, was none; ask for other days.")
        return found

    async def run(self, sink: BrokerSink) -> None:
        """Trade, session after session; at full speed to the end of the first."""
        self._pace.begin()
        self._trade(0.0)
        self._send(sink)
        while True:
            closes_ns = self._session(self.clock.now_ns())[1]
            while (now_ns := self.clock.now_ns()) < closes_ns:
                step_s = min(self._step_s, (closes_ns - now_ns) / 1e9)
                await self._pace.wait(step_s)
                self._move_to(now_ns + round(step_s * 1e9))
                sink.on_time(self.clock.now_ns())
                self._trade(step_s)
                self._send(sink)
                if self.is_replay:
                    await self._wire.settle()
            self._venue.desk.end_day(closes_ns + 1)
            await self._wire.settle()
            if self.is_replay:
                return
            self._move_to(self._calendar.next_open_ns(self._hours_of, closes_ns))
            self._shares.clear()
            self._begin_day()

    def _begin_day(self) -> None:
        opens_ns = self._session(self.clock.now_ns())[0]
        self._venue.desk.end_day(opens_ns)
        self._venue.desk.forget_before(opens_ns)
        self._unsent.update(self._subscribed)

    def _move_to(self, time_ns: int) -> None:
        self.clock.set(time_ns)
        self._file.be_at(time_ns, 0)

    def _trade(self, step_s: float) -> None:
        """Let a step pass in every share that is watched or has orders."""
        now_ns = self.clock.now_ns()
        if not self._calendar.is_open(self._hours_of, now_ns):
            return
        for key in [*self._subscribed, *self._venue.busy_keys()]:
            if key not in self._shares:
                self._shares[key] = self._new_share(key)
        for key, share in self._shares.items():
            if share.is_index:
                if share.move_index(now_ns):
                    self._unsent.add(key)
                continue
            if (levels := share.levels(now_ns, self._random)) is not None:
                self._venue.show(key, *levels)
                self._unsent.add(key)
            for side, quantity in share.takers(now_ns, step_s, self._random):
                self._venue.aggress(key, side, quantity)

    def _print(self, key: str, price: int, quantity: int) -> None:
        """Take a trade down on its share's tape."""
        if (share := self._shares.get(key)) is not None:
            share.trade(price / UNITS, quantity, self.clock.now_ns())
            self._unsent.add(key)

    def _send(self, sink: BrokerSink) -> None:
        """Send one frame with a tick of every share in which something changed."""
        keys = [key for key in self._shares if key in self._unsent and key in self._subscribed]
        self._unsent.difference_update(keys)
        if keys:
            ticks: Rows = np.zeros(len(keys), dtype=TICK)
            for tick, key in zip(ticks, keys, strict=True):
                self._shares[key].write(tick, self._venue.book(key), self.clock.now_ns())
            sink.on_ticks(ticks)

    def _refusal(self, order: ExchangeOrder) -> str:
        if order.instrument.key not in self._by_key:
            return f"Expected an instrument of the generated market, was {order.instrument.key}."
        if not self._calendar.is_open(self._hours_of, self.clock.now_ns()):
            return f"The market is {self._calendar.phase_text(self._hours_of, self.clock.now_ns())}; place the order when it trades."
        return ""

    def _new_share(self, key: str) -> GeneratedShare:
        now_ns = self.clock.now_ns()
        return GeneratedShare(self._by_key[key], self._day(self._by_key[key], day_of(now_ns)), now_ns)

    def _bars(self, instrument: Instrument, day: date) -> Rows:
        share = self._shares.get(instrument.key)
        is_today = share is not None and day == day_of(share.day.open_ns)
        return share.bars() if share is not None and is_today else self._day(instrument, day).bars()

    def _day(self, instrument: Instrument, day: date) -> Day:
        sessions = self._calendar.sessions(self._hours_of, day)
        opens_ns, minutes = sessions[0][0], (sessions[-1][1] - sessions[0][0]) // MINUTE_NS
        reference = self._catalogue.reference_price(instrument.key) or _ORDINARY_PRICE
        return self._prices.day(instrument, reference, day, opens_ns, minutes)

    def _session(self, time_ns: int) -> tuple[int, int]:
        """Return when the day of that moment opens and closes."""
        sessions = self._calendar.sessions(self._hours_of, day_of(time_ns))
        return sessions[0][0], sessions[-1][1]

    def _start_ns(self, wall_ns: int) -> int:
        """Return when the market's time begins: now, or in the morning of the last trading day."""
        if self._calendar.is_open(self._hours_of, wall_ns):
            return wall_ns
        for ago in range(HISTORY_DAYS):
            sessions = self._calendar.sessions(self._hours_of, day_of(wall_ns) - timedelta(days=ago))
            if sessions and sessions[-1][1] <= wall_ns:
                opens_ns, closes_ns = sessions[0]
                return opens_ns + min(_MORNING_NS, (closes_ns - opens_ns) // 8)
        return self._calendar.next_open_ns(self._hours_of, wall_ns)

"""Brings the quotes of a feed into the books where orders wait for them: trades first, then what is offered now.

Quotes of instruments without orders are only remembered; the book is brought up to date when an order comes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.brokers.simulated.book_venue import BookVenue, levels_of
from engine.brokers.simulated.order_book import Levels
from engine.core.bars import SECOND_NS
from engine.core.belief import belief_in
from engine.core.frames import FEED, TAKEN, judge
from engine.core.grid import price_units
from engine.core.model import Instrument, Quote
from engine.core.records import MODE_FULL, MODE_LTP, Row, Rows

_ANY_QUANTITY = 1 << 62
"""What a feed without volumes says of a trade's size."""


class QuoteFeed:
    """The latest quote of every instrument, and the books of those that have orders."""

    def __init__(self, venue: BookVenue, max_jump: float = 0.0) -> None:
        """`max_jump`: a change between two prices larger than this part needs a second tick to be believed; 0 believes all."""
        self._venue = venue
        self._max_jump = max_jump
        venue.on_first_order = self.refresh
        self._keys: dict[int, str] = {}
        self._latest: dict[str, tuple[Rows, int]] = {}
        self._volumes: dict[str, int] = {}
        self._beliefs: dict[str, Row] = {}
        """A FEED row per instrument, by which `frames.judge` tells a spike from a move."""

    def know(self, instruments: Iterable[Instrument]) -> None:
        """Learn whose tokens come in the frames."""
        for instrument in instruments:
            if instrument.is_tradable and instrument.key not in self._beliefs:
                self._keys[instrument.token] = instrument.key
                belief = self._beliefs[instrument.key] = np.zeros(1, dtype=FEED)[0]
                belief.jump, belief.floor, belief.band = belief_in(instrument, self._max_jump)

    def has_quote(self, key: str) -> bool:
        """Tell whether an instrument was ever heard of."""
        return key in self._latest

    def take(self, ticks: Rows) -> None:
        """Take a frame of TICK rows, which must not change afterwards."""
        for index, token in enumerate(ticks["instrument_token"].tolist()):
            key = self._keys.get(token)
            if key is None:
                continue
            self._latest[key] = ticks, index
            if not self._venue.is_idle(key):
                self._tell(key, ticks[index])

    def remember(self, ticks: Rows) -> None:
        """Take a frame without letting anything trade: it was told before."""
        for index, token in enumerate(ticks["instrument_token"].tolist()):
            if (key := self._keys.get(token)) is not None:
                self._latest[key] = ticks, index

    def quote(self, instrument: Instrument) -> Quote | None:
        """Return the latest of an instrument as a record, None when it was never heard of."""
        if (latest := self._latest.get(instrument.key)) is None:
            return None
        return to_quote(instrument, latest[0][latest[1]])

    def take_quote(self, quote: Quote) -> None:
        """Take a quote that was asked for, of an instrument whose ticks have not come yet."""
        key = quote.instrument.key
        if not self.has_quote(key):
            self._venue.hear(key, price_units(quote.last_price), 0, (levels_of(quote.bids), levels_of(quote.asks)))

    def refresh(self, key: str) -> None:
        """Bring a book up to date before its first order."""
        if (latest := self._latest.get(key)) is not None:
            tick = latest[0][latest[1]]
            if judge(tick, self._beliefs[key], self._venue.clock.now_ns()) == TAKEN:
                self._volumes[key] = int(tick.volume)
                self._venue.hear(key, price_units(tick.last_price), 0, _depth_of(tick))

    def _tell(self, key: str, tick: Row) -> None:
        if judge(tick, self._beliefs[key], self._venue.clock.now_ns()) != TAKEN:
            return
        if tick.mode == MODE_LTP:
            traded = _ANY_QUANTITY
        else:
            traded = max(0, int(tick.volume) - self._volumes.get(key, int(tick.volume)))
            self._volumes[key] = int(tick.volume)
        self._venue.hear(key, price_units(tick.last_price), traded, _depth_of(tick))


def _depth_of(tick: Row) -> tuple[Levels, Levels] | None:
    if tick.mode != MODE_FULL:
        return None
    prices, quantities = tick.depth["price"].tolist(), tick.depth["quantity"].tolist()
    return levels_of(zip(prices[0], quantities[0], strict=True)), levels_of(zip(prices[1], quantities[1], strict=True))


def to_quote(instrument: Instrument, tick: Row) -> Quote:
    """Turn a TICK row into a record."""
    bids, asks = (tuple((float(level["price"]), int(level["quantity"])) for level in side if level["quantity"] > 0) for side in tick.depth)
    return Quote(
        instrument=instrument,
        last_price=float(tick.last_price),
        open=float(tick.open),
        high=float(tick.high),
        low=float(tick.low),
        close=float(tick.close),
        volume=int(tick.volume),
        average_price=float(tick.average_price),
        oi=int(tick.oi),
        bid=bids[0][0] if bids else 0.0,
        ask=asks[0][0] if asks else 0.0,
        bid_quantity=bids[0][1] if bids else 0,
        ask_quantity=asks[0][1] if asks else 0,
        bids=bids,
        asks=asks,
        time_ns=int(tick.exchange_time) * SECOND_NS,
    )

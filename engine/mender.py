"""Fills in the bars that a broken connection missed, from the broker's history, so that no strategy reckons with holes.

The minute in which the connection came back is taken from history as well, once it is over. Nothing is decided here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine.brokers.base import Broker
from engine.clock import IST_OFFSET_NS, Clock
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.errors import BrokerError, HistoryMissing
from engine.core.model import Instrument
from engine.market_data import MarketDataHandler
from engine.tasks import Tasks

log = logging.getLogger(__name__)

READY_S = 3.0
"""How long after a minute's end the broker's history has it."""

TRIES = 3
DAY_NS = 86_400 * SECOND_NS


class Mender:
    """Fetches what was missed, instrument by instrument."""

    def __init__(self, broker: Broker, market_data: MarketDataHandler, clock: Clock, tasks: Tasks) -> None:
        self._broker = broker
        self._market_data = market_data
        self._clock = clock
        self._tasks = tasks

    def on_gap(self, tokens: Sequence[int], from_ns: int, to_ns: int) -> None:
        """Take note that nothing was heard of these, and fill in what somebody waits for."""
        slots = self._market_data.interrupt(tokens, from_ns, to_ns)
        if slots and self._broker.capabilities.has_history:
            self._tasks.spawn(self._mend(slots, from_ns, to_ns), "fill in missed bars", service=True)

    async def _mend(self, slots: list[int], from_ns: int, to_ns: int) -> None:
        ready_ns = (to_ns // MINUTE_NS + 1) * MINUTE_NS + round(READY_S * SECOND_NS)
        await self._clock.sleep(max(0.0, (ready_ns - self._clock.now_ns()) / SECOND_NS))
        for slot in slots:
            await self._mend_one(self._market_data.board.instruments[slot], slot, from_ns)

    async def _mend_one(self, instrument: Instrument, slot: int, from_ns: int) -> None:
        """Fetch the day's minutes; when they cannot be had, the next ones are made of ticks as ever, and the log says what is missing."""
        morning_ns = (from_ns + IST_OFFSET_NS) // DAY_NS * DAY_NS - IST_OFFSET_NS
        for attempt in range(TRIES):
            end_ns = (self._clock.now_ns() - round(READY_S * SECOND_NS)) // MINUTE_NS * MINUTE_NS
            try:
                minutes = await self._broker.history(instrument, 60, morning_ns, end_ns)
            except (HistoryMissing, BrokerError) as error:
                log.info("bars of %s that were missed cannot be had (try %d): %s", instrument.key, attempt + 1, error)
                await self._clock.sleep(READY_S)
                continue
            self._market_data.mend(slot, minutes, from_ns)
            return

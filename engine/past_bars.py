"""What the chart shows of the past: the archive, the broker's history and the session's own bars, put together.

Where two tell of the same bar, the broker is believed before the archive, and both before what was made here of ticks.
"""

from __future__ import annotations

import logging

import numpy as np

from engine.core.bars import SECOND_NS, resample
from engine.core.errors import BrokerError, HistoryMissing
from engine.core.model import Instrument
from engine.core.records import BAR, Rows
from engine.history import History
from engine.session import TradingSession

log = logging.getLogger(__name__)

DAY_NS = 86_400 * SECOND_NS
MINUTE_DAYS, LONG_DAYS = 30, 3 * 365
"""How far back bars within a day go, and those of a day."""


async def past_bars(session: TradingSession, archive: History, instrument: Instrument, interval_s: int) -> Rows:
    """Return the closed bars of an interval up to now, oldest first; empty when nobody has any."""
    now_ns = session.clock.now_ns()
    start_ns = now_ns - (LONG_DAYS if interval_s >= 86_400 else MINUTE_DAYS) * DAY_NS
    own = session.market_data.history(instrument.key, interval_s)
    found = [
        await _from_broker(session, instrument, interval_s, start_ns, now_ns),
        _from_archive(archive, instrument.key, interval_s, start_ns, now_ns),
        own,
    ]
    rows = np.concatenate([np.empty(0, dtype=BAR), *found])
    _, first = np.unique(rows["time_ns"], return_index=True)
    rows = rows[first]
    return rows[rows["time_ns"] + interval_s * SECOND_NS <= now_ns]


async def _from_broker(session: TradingSession, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
    if not session.broker.capabilities.has_history:
        return np.empty(0, dtype=BAR)
    try:
        return await session.broker.history(instrument, interval_s, start_ns, end_ns)
    except (HistoryMissing, BrokerError) as error:
        log.info("the broker has no history of %s: %s", instrument.key, error)
        return np.empty(0, dtype=BAR)


def _from_archive(archive: History, key: str, interval_s: int, start_ns: int, end_ns: int) -> Rows:
    """Return the archive's own bars of that interval, or its minutes put together."""
    for kept_s in dict.fromkeys((interval_s, 60)):
        try:
            return resample(archive.bars(key, kept_s, start_ns, end_ns), interval_s)
        except HistoryMissing:
            continue
    return np.empty(0, dtype=BAR)

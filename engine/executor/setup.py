"""Prepares a strategy: finds its instruments, watches them, sets its limits, and lets its template learn from the past.

What is learnt sends nothing: the template only sees the closed bars of the last days, as if it had been running. What it knew before
a restart, it knows again. A class of the user's is given a process here.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

import numpy as np
from PySide6.QtCore import SignalInstance

from engine.authored.classes import Filled
from engine.core.bars import MINUTE_NS, SECOND_NS, resample
from engine.core.compiled import Compiled
from engine.core.errors import HistoryMissing, InvalidOption
from engine.core.model import UNITS, Instrument
from engine.core.records import BAR, Rows
from engine.executor.config import StrategyConfig
from engine.executor.hosted import HostedLeg, hosted_legs, process_of
from engine.executor.leg import Leg
from engine.executor.notes import notes_of, recall
from engine.executor.universe import UniverseLeg, learn_together, universe_legs
from engine.host.limits import Limits
from engine.instruments import Instruments
from engine.session import TradingSession

log = logging.getLogger(__name__)

LEARNT_PERIODS = 20
"""A seed has died out after so many times the longest period of an indicator."""

FEWEST_BARS, MOST_BARS = 200, 4_000
MINUTES_A_DAY = 375
DAY_NS = 24 * 60 * MINUTE_NS


async def set_up(
    session: TradingSession,
    config: StrategyConfig,
    known: Instruments | None,
    kept: Mapping[str, Any],
    limits: Limits,
    *,
    is_learning: bool,
) -> list[Leg]:
    """Return a leg for each symbol, watched and warmed up; `kept`: notes of before a restart, by instrument key; `limits`: of its process.

    Raises UnknownSymbol or InvalidOption for a symbol that cannot be traded, and StrategyFault for what a class of the user's raises.
    """
    catalogue = known if known is not None else Instruments(await session.broker.instruments())
    instruments = [catalogue.get(key) for key in config.keys]
    for instrument in instruments:
        if not instrument.is_tradable:
            raise InvalidOption(f"Expected symbols that can be traded, was {instrument.key}, an index; take its future or a share.")
    slots = await session.subscribe(instruments)
    if config.is_hosted and is_learning:
        desks = [_SessionDesk(session, config, instrument) for instrument in instruments]
        symbols = zip(instruments, slots, desks, strict=True)
        legs: list[Leg] = [*await hosted_legs(config, symbols, notes_of(kept), session.tasks, limits)]
    else:
        legs = _legs(session, config, instruments, slots)
    try:
        await _prepare(session, config, legs, kept, is_learning=is_learning)
    except BaseException:
        if (process := process_of(legs)) is not None:
            process.kill()
        raise
    return legs


async def _prepare(session: TradingSession, config: StrategyConfig, legs: list[Leg], kept: Mapping[str, Any], *, is_learning: bool) -> None:
    """Set the limits, and let the strategy learn from the past."""
    session.positions.set_capital(config.capital_units, config.id)
    session.risk.limit_owner(config.id, config.limits)
    session.closer.leave_daily(config.id, config.exit_at_min)
    session.risk.arm(config.id, config.sha256)  # a person started it, in this session and with this code
    can_look_back = session.broker.capabilities.has_history and not session.broker.capabilities.is_replay
    if can_look_back and is_learning and config.template is not None and isinstance(config.template.on_bar, Compiled):
        # Days of bars through a strategy that is not machine code yet would hold the loop up for a second.
        await asyncio.to_thread(config.template.on_bar.compile)
    past = []
    for leg in legs:
        session.market_data.want_interval(leg.slot, config.interval_s)
        past.append(await _look_back(session, config, leg) if can_look_back else np.empty(0, dtype=BAR))
    if not is_learning or config.template is None:
        return
    if not session.is_replay:
        now_ns, memory = session.clock.now_ns(), (kept.get(leg.instrument.key) for leg in legs)
        past = [recall(*each, config.interval_s, now_ns) for each in zip(legs, memory, past, strict=True)]
    for leg, rows in zip(legs, past, strict=True):
        if isinstance(leg, HostedLeg):
            await leg.learn_all(rows)
    if not config.is_hosted:
        _learn(legs, past)


def _legs(session: TradingSession, config: StrategyConfig, instruments: list[Instrument], slots: list[int]) -> list[Leg]:
    """Make a leg of each symbol; a strategy that looks at all of them listens to the market from now on."""
    if config.template is None or not config.template.is_universe:
        desks = [_SessionDesk(session, config, instrument) for instrument in instruments]
        return [Leg(config, *each) for each in zip(instruments, slots, desks, strict=True)]
    made = universe_legs(config, instruments, slots)
    made[0].universe.listen(session.market_data.bars_closed, session.market_data.minutes_over)
    return [*made]


def bars_of(session: TradingSession, legs: Iterable[Leg]) -> SignalInstance:
    """Return the signal that brings the bars to decide on: those of the market, or all symbols' bars together."""
    together = next((leg.universe for leg in legs if isinstance(leg, UniverseLeg)), None)
    return session.market_data.bars_closed if together is None else together.bars_closed


def _learn(legs: list[Leg], past: list[Rows]) -> None:
    together = [leg for leg in legs if isinstance(leg, UniverseLeg)]
    if together:
        learn_together(together, past)
        return
    for leg, rows in zip(legs, past, strict=True):
        for bar in rows:
            leg.learn(bar)


class _SessionDesk:
    """What one symbol of a plain-Python strategy may ask of the session that it trades in."""

    def __init__(self, session: TradingSession, config: StrategyConfig, instrument: Instrument) -> None:
        self._positions, self._config, self._key = session.positions, config, instrument.key
        own = (each for each in session.orders.trades if each.owner == config.id and each.instrument.key == instrument.key)
        self.fills = sorted((each for each in own if each.product is config.product), key=lambda each: each.time_ns)
        """What it did before it was started."""
        self._times = [each.time_ns for each in self.fills]
        self._held = [0, *accumulate(each.signed_quantity for each in self.fills)]

    def news(self) -> list[Filled]:
        """Return nothing: what runs here does not ask."""
        return []

    def position(self) -> int:
        """Return the signed quantity that the strategy holds."""
        return self._positions.quantity(self._key, self._config.product, self._config.id)

    def position_at(self, time_ns: int) -> int:
        """Return the signed quantity that the strategy held before that moment of the past."""
        return self._held[bisect_left(self._times, time_ns)]

    def equity(self) -> float:
        """Return what the strategy is worth, in rupees."""
        return self._positions.account(self._config.id).equity_units / UNITS


async def _look_back(session: TradingSession, config: StrategyConfig, leg: Leg) -> Rows:
    """Return the closed bars of the last days, and fill in the bar that is being made."""
    now_ns = session.clock.now_ns()
    try:
        minutes = await session.broker.history(leg.instrument, 60, now_ns - _span_ns(config), now_ns)
    except HistoryMissing as error:
        log.info("%s starts without history of %s: %s", config.id, leg.instrument.key, error)
        return np.empty(0, dtype=BAR)
    minutes = minutes[minutes["time_ns"] + MINUTE_NS <= now_ns]
    session.market_data.seed(leg.slot, minutes)
    return _closed(minutes, config.interval_s, now_ns)


def _closed(minutes: Rows, interval_s: int, now_ns: int) -> Rows:
    rows = resample(minutes, interval_s)
    return rows[rows["time_ns"] + interval_s * SECOND_NS <= now_ns]


def _span_ns(config: StrategyConfig) -> int:
    """Return how far to look back, so that the template's longest period has died out; nights and holidays count."""
    longest = 0.0
    if config.template is not None:
        longest = max((config.parameters[p.name] for p in config.template.parameters if p.is_whole), default=0.0)
    bars = min(max(LEARNT_PERIODS * longest, FEWEST_BARS), MOST_BARS)
    days = bars * config.interval_s / 60 / MINUTES_A_DAY
    return round((1.5 * days + 4) * DAY_NS)

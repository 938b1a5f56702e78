"""Prepares a strategy: finds its instruments, watches them, sets its limits, and lets its template learn from the past.

What is learnt sends nothing: the template only sees the closed bars of the last days, as if it had been running.
"""

from __future__ import annotations

import logging

from engine.core.bars import MINUTE_NS, SECOND_NS, resample
from engine.core.errors import HistoryMissing, InvalidOption
from engine.core.model import UNITS, Instrument
from engine.core.records import Rows
from engine.instruments import Instruments
from engine.session import TradingSession
from engine.strategy_config import StrategyConfig
from engine.strategy_leg import Leg

log = logging.getLogger(__name__)

LEARNT_PERIODS = 20
"""A seed has died out after so many times the longest period of an indicator."""

FEWEST_BARS, MOST_BARS = 200, 4_000
MINUTES_A_DAY = 375
DAY_NS = 24 * 60 * MINUTE_NS


async def set_up(session: TradingSession, config: StrategyConfig, known: Instruments | None, *, is_learning: bool) -> list[Leg]:
    """Return a leg for each symbol, watched and warmed up; raises UnknownSymbol or InvalidOption for one that cannot be traded."""
    catalogue = known if known is not None else Instruments(await session.broker.instruments())
    instruments = [catalogue.get(key) for key in config.keys]
    for instrument in instruments:
        if not instrument.is_tradable:
            raise InvalidOption(f"Expected symbols that can be traded, was {instrument.key}, an index; take its future or a share.")
    slots = await session.subscribe(instruments)
    legs = [
        Leg(config, instrument, slot, _SessionDesk(session, config, instrument))
        for instrument, slot in zip(instruments, slots, strict=True)
    ]
    session.positions.set_capital(config.capital_units, config.id)
    session.risk.limit_owner(config.id, config.limits)
    can_look_back = session.broker.capabilities.has_history and not session.broker.capabilities.is_replay
    for leg in legs:
        session.market_data.want_interval(leg.slot, config.interval_s)
        if can_look_back:
            await _look_back(session, config, leg, is_learning=is_learning)
    return legs


class _SessionDesk:
    """What one symbol of a plain-Python strategy may ask of the session that it trades in."""

    def __init__(self, session: TradingSession, config: StrategyConfig, instrument: Instrument) -> None:
        self._positions, self._config, self._key = session.positions, config, instrument.key

    def position(self) -> int:
        """Return the signed quantity that the strategy holds."""
        return self._positions.quantity(self._key, self._config.product, self._config.id)

    def equity(self) -> float:
        """Return what the strategy is worth, in rupees."""
        return self._positions.account(self._config.id).equity_units / UNITS


async def _look_back(session: TradingSession, config: StrategyConfig, leg: Leg, *, is_learning: bool) -> None:
    """Let the template see the closed bars of the last days, and fill in the bar that is being made."""
    now_ns = session.clock.now_ns()
    try:
        minutes = await session.broker.history(leg.instrument, 60, now_ns - _span_ns(config), now_ns)
    except HistoryMissing as error:
        log.info("%s starts without history of %s: %s", config.id, leg.instrument.key, error)
        return
    minutes = minutes[minutes["time_ns"] + MINUTE_NS <= now_ns]
    session.market_data.seed(leg.slot, minutes)
    if is_learning and config.template is not None:
        for bar in _closed(minutes, config.interval_s, now_ns):
            leg.learn(bar)


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

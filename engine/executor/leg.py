"""One symbol of a running strategy: what its template remembers, and what it wants after each closed bar.

A leg knows neither orders nor money. What it returns is checked: a wish that is no number is a fault of the strategy, never an order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from engine.authored.classes import Desk, StrategyFault
from engine.authored.signals import NOTHING, SignalCallback, checked, quote_dict, wish_of
from engine.authored.stepping import Host
from engine.core.model import Instrument, Quote
from engine.core.records import BAR, INTENT, Row, Rows
from engine.core.registry import Template
from engine.core.sizing import may_short, order_caps
from engine.executor.config import StrategyConfig
from engine.rules.market_protection import protection_pct

NOTHINGS = np.array([NOTHING], dtype=INTENT)


class Seen(NamedTuple):
    """A closed BAR as plain numbers, which are read tens of times faster than a record's fields."""

    time_ns: int
    session_minute: int
    instrument: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    oi: float


class Wish(NamedTuple):
    """An INTENT as plain numbers, which are read tens of times faster than a record's fields; NaN means none."""

    target: float
    limit: float
    stop: float
    profit: float
    trail: float
    trigger: float = math.nan
    """0 is none, too."""


class Leg:
    """What a strategy keeps of one symbol."""

    def __init__(self, config: StrategyConfig, instrument: Instrument, slot: int, desk: Desk | None = None) -> None:
        """`slot` is the instrument's row on the quote board; `desk` answers a plain-Python strategy, and is needed for one only."""
        self.instrument = instrument
        self.slot = slot
        row = config.sizing.row(instrument, config.product, risk_pct=config.risk_pct, max_position_pct=config.max_position_pct)
        self.sizing = SimpleNamespace(**dict(zip(row.dtype.names or (), row.item(), strict=True)))
        """The fields of SIZING."""
        self.fitted_to: object = None
        """The account's limits that the sizing was last brought in line with."""
        self._own_limits = config.limits
        self.can_short = may_short(config.product)
        self.held_target = math.nan
        """Target last acted on, NaN before the first."""
        self.decided_ns = 0
        """Start of the last bar that was decided on."""
        self._template: Template | None = config.template
        self._intents: Rows = np.zeros(1, dtype=INTENT)
        self._intent: Row = self._intents[0]
        self._host: Host | None = None
        if config.template is not None and config.template.plain is not None and desk is not None:
            self._host = Host(config.template, config.parameters, instrument, config.interval_s, desk)
        self.has_memory = config.template is not None and config.template.plain is None and not config.is_hosted
        """All that the template knows lies in `state`."""
        if config.template is not None:
            self.state = config.template.new_state()
            self._params = config.template.new_params(config.parameters, config.interval_s)

    def fit(self, limits: Mapping[str, float], is_live: bool) -> None:
        """Cap the sizing by what the account's limits and the strategy's own let one order be."""
        self.fitted_to = limits
        tighter = {**limits, **{name: min(limit, limits.get(name, limit)) for name, limit in self._own_limits.items()}}
        margin_pct = protection_pct(self.instrument, 0.0) if is_live else 0.0
        self.sizing.most, self.sizing.most_units, self.sizing.most_pct = order_caps(tighter, self.instrument, margin_pct)

    def decide(self, bar: Row) -> Wish:
        """Let the template look at a closed bar; returns what it wants. Raises StrategyFault for what cannot be."""
        if self._template is None:
            raise StrategyFault("Expected a function to decide, was none; call set_signal_callback before start.")
        if self._host is not None:
            self.decided_ns = bar.item()[0]
            return Wish._make(self._host.decide(np.array([bar], dtype=BAR)) or NOTHING)
        self._intents[:] = NOTHINGS
        self._template.on_bar(self.state, self._params, bar, self._intent)
        self.decided_ns = bar.item()[0]
        return checked(Wish._make(self._intents.item()))

    def learn(self, bar: Row) -> None:
        """Let the template see a bar of the past: what it wanted then counts as acted on."""
        target = self.decide(bar).target
        if not math.isnan(target):
            self.held_target = target

    def decide_by(self, callback: SignalCallback, bar: Row, quote: Quote, held: int) -> Wish:
        """Let a user's function decide; `held` is the signed quantity. Raises StrategyFault for an answer that makes no sense."""
        answer = callback(self.instrument.symbol, str(self.instrument.exchange), quote_dict(quote), held != 0)
        self.decided_ns = int(bar["time_ns"])
        return checked(Wish._make(wish_of(answer, self.instrument, held)))

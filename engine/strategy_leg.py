"""One symbol of a running strategy: what its template remembers, and what it wants after each closed bar.

A leg knows neither orders nor money. What it returns is checked: a wish that is no number is a fault of the strategy, never an order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from engine.core.model import Instrument, Quote
from engine.core.records import INTENT, Row, Rows
from engine.core.registry import Template
from engine.core.sizing import may_short
from engine.strategy_config import StrategyConfig

Signal = Mapping[str, Any]
"""What a user's function returns: action, and if wanted symbol, exchange, price, stop_loss, target."""

SignalCallback = Callable[[str, str, dict[str, Any], bool], Signal | None]
"""fn(symbol, exchange, quote, has_position) -> Signal or None."""

NOTHING = (math.nan,) * len(INTENT.names or ())
"""An intent that wants nothing."""
NOTHINGS = np.array([NOTHING], dtype=INTENT)

SIGNAL_KEYS = ("action", "symbol", "exchange", "price", "stop_loss", "target")
ACTIONS = ("BUY", "SELL", "EXIT", "HOLD")


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


class StrategyFault(ValueError):
    """A strategy asked for something that cannot be; it is stopped, and the sentence is shown."""


class Leg:
    """What a strategy keeps of one symbol."""

    def __init__(self, config: StrategyConfig, instrument: Instrument, slot: int) -> None:
        """`slot` is the instrument's row on the quote board."""
        self.instrument = instrument
        self.slot = slot
        row = config.sizing.row(instrument, config.product, risk_pct=config.risk_pct, max_position_pct=config.max_position_pct)
        self.sizing = SimpleNamespace(**dict(zip(row.dtype.names or (), row.item(), strict=True)))
        """The fields of SIZING."""
        self.can_short = may_short(config.product)
        self.held_target = math.nan
        """Target last acted on, NaN before the first."""
        self.decided_ns = 0
        """Start of the last bar that was decided on."""
        self._template: Template | None = config.template
        self._intents: Rows = np.zeros(1, dtype=INTENT)
        self._intent: Row = self._intents[0]
        if config.template is not None:
            self.state = config.template.new_state()
            self._params = config.template.new_params(config.parameters)

    def decide(self, bar: Row) -> Wish:
        """Let the template look at a closed bar; returns what it wants. Raises StrategyFault for what cannot be."""
        if self._template is None:
            raise StrategyFault("Expected a function to decide, was none; call set_signal_callback before start.")
        self._intents[:] = NOTHINGS
        self._template.on_bar(self.state, self._params, bar, self._intent)
        self.decided_ns = bar.item()[0]
        return _checked(Wish._make(self._intents.item()))

    def learn(self, bar: Row) -> None:
        """Let the template see a bar of the past: what it wanted then counts as acted on."""
        target = self.decide(bar).target
        if not math.isnan(target):
            self.held_target = target

    def decide_by(self, callback: SignalCallback, bar: Row, quote: Quote, held: int) -> Wish:
        """Let a user's function decide; `held` is the signed quantity. Raises StrategyFault for an answer that makes no sense."""
        answer = callback(self.instrument.symbol, str(self.instrument.exchange), quote_dict(quote), held != 0)
        self.decided_ns = int(bar["time_ns"])
        return Wish(*NOTHING) if answer is None else _checked(self._wish_of(answer, held))

    def _wish_of(self, answer: Signal, held: int) -> Wish:
        """Turn an answer into a wish: BUY and SELL open from flat and close what is against them, EXIT closes, HOLD waits."""
        if not isinstance(answer, Mapping):
            raise StrategyFault(f"Expected the function to return a dict or None, was {type(answer).__name__}.")
        unknown = [key for key in answer if key not in SIGNAL_KEYS]
        if unknown:
            raise StrategyFault(f"Expected only {', '.join(SIGNAL_KEYS)} in the answer, was {unknown[0]!r}, too.")
        own = self.instrument
        if answer.get("symbol", own.symbol) != own.symbol or answer.get("exchange", own.exchange) != own.exchange:
            raise StrategyFault(f"Expected an answer for {own.key}, was for {answer.get('exchange')}:{answer.get('symbol')}.")
        action = str(answer.get("action", "")).upper()
        if action not in ACTIONS:
            raise StrategyFault(f"Expected action to be one of {', '.join(ACTIONS)}, was {answer.get('action')!r}.")
        if action == "HOLD":
            return Wish(*NOTHING)
        side = {"BUY": 1, "SELL": -1, "EXIT": 0}[action]
        limit, stop, profit = (_price(key, answer.get(key)) for key in ("price", "stop_loss", "target"))
        return Wish(0.0 if held * side < 0 else float(side), limit, stop, profit, math.nan)


def quote_dict(quote: Quote) -> dict[str, Any]:
    """Turn a quote into the dict that a user's function sees; prices in rupees, 0 = not known."""
    return {
        "symbol": quote.instrument.symbol,
        "exchange": str(quote.instrument.exchange),
        "last_price": quote.last_price,
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "close": quote.close,
        "volume": quote.volume,
        "average_price": quote.average_price,
        "oi": quote.oi,
        "bid": quote.bid,
        "ask": quote.ask,
        "bid_quantity": quote.bid_quantity,
        "ask_quantity": quote.ask_quantity,
        "time_ns": quote.time_ns,
    }


def _price(key: str, value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(float(value)):
        raise StrategyFault(f"Expected {key} to be a price or None, was {value!r}.")
    return float(value)


def _checked(wish: Wish) -> Wish:
    """Return the wish, or refuse what is infinite, and prices that are not above zero."""
    if math.isinf(wish.target):
        raise StrategyFault(f"Expected a target in units of size, was {wish.target}.")
    for value in wish[1:]:
        if value <= 0.0 or value == math.inf:
            name = wish._fields[wish.index(value, 1)]
            if name == "trigger" and value == 0.0:
                continue
            raise StrategyFault(f"Expected {name} above zero or none, was {value}.")
    return wish

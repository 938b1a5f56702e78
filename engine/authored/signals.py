"""A function of the user's as a strategy: it is shown a quote at each closed bar and answers with an action, or with nothing.

    fn(symbol, exchange, quote, has_position) -> {"action": "BUY", "stop_loss": 95.0, "target": 110.0} or None

BUY and SELL open from flat and close what is against them, EXIT closes, HOLD waits. An answer that makes no sense is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from engine.authored.classes import Strategy, StrategyFault, Wish
from engine.authored.files import template_of_class
from engine.core.model import Bar, Instrument, Quote
from engine.core.records import INTENT
from engine.core.registry import Template

Signal = Mapping[str, Any]
"""What a user's function returns: action, and if wanted symbol, exchange, price, stop_loss, target."""

SignalCallback = Callable[[str, str, dict[str, Any], bool], Signal | None]
"""fn(symbol, exchange, quote, has_position) -> Signal or None."""

W = TypeVar("W", bound=tuple[float, ...])

FIELDS = INTENT.names or ()
NOTHING: Wish = (math.nan,) * len(FIELDS)
"""An intent that wants nothing."""

SIGNAL_KEYS = ("action", "symbol", "exchange", "price", "stop_loss", "target")
SIDES = {"BUY": 1.0, "SELL": -1.0, "EXIT": 0.0, "HOLD": math.nan}
"""Actions, and the position each wants in units of size."""


def wish_of(answer: Signal | None, own: Instrument, held: int) -> Wish:
    """Turn an answer into the fields of an INTENT; `held` is the signed quantity. Raises StrategyFault for what makes no sense."""
    if answer is None:
        return NOTHING
    if not isinstance(answer, Mapping):
        raise StrategyFault(f"Expected the function to return a dict or None, was {type(answer).__name__}.")
    unknown = [key for key in answer if key not in SIGNAL_KEYS]
    if unknown:
        raise StrategyFault(f"Expected only {', '.join(SIGNAL_KEYS)} in the answer, was {unknown[0]!r}, too.")
    if answer.get("symbol", own.symbol) != own.symbol or answer.get("exchange", own.exchange) != own.exchange:
        raise StrategyFault(f"Expected an answer for {own.key}, was for {answer.get('exchange')}:{answer.get('symbol')}.")
    action = str(answer.get("action", "")).upper()
    if action not in SIDES:
        raise StrategyFault(f"Expected action to be one of {', '.join(SIDES)}, was {answer.get('action')!r}.")
    side = SIDES[action]
    if math.isnan(side):
        return NOTHING
    limit, stop, profit = (_price(key, answer.get(key)) for key in ("price", "stop_loss", "target"))
    return (0.0 if held * side < 0 else side, limit, stop, profit, *NOTHING[4:])


def checked(wish: W) -> W:
    """Return the wish, or refuse what is infinite, and prices that are not above zero (a trigger of 0 is none)."""
    if math.isinf(wish[0]):
        raise StrategyFault(f"Expected a target in units of size, was {wish[0]}.")
    for value in wish[1:]:
        if value <= 0.0 or value == math.inf:
            name = FIELDS[wish.index(value, 1)]
            if name == "trigger" and value == 0.0:
                continue
            raise StrategyFault(f"Expected {name} above zero or none, was {value}.")
    return wish


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
        "is_doubted": quote.is_doubted,
    }


def template_of_function(function: SignalCallback) -> Template:
    """Make a template of a user's function, for a backtest."""
    return template_of_class(type("Function", (_Asking,), {"function": staticmethod(function), "written_in": function}))


class _Asking(Strategy):
    """Asks a function, with a quote made of the bars: the day so far, and the close of the day before; nobody bids or asks."""

    function: SignalCallback

    def on_start(self) -> None:
        """Begin with no day."""
        self._quote = Quote(self.instrument)
        self._day = -1
        self._turnover = 0.0

    def on_bar(self, bar: Bar) -> None:
        """Go on with the day and ask."""
        day, last = bar.time.toordinal(), self._quote
        if day != self._day:
            self._day, self._turnover = day, 0.0
            last = Quote(self.instrument, open=bar.open, high=bar.high, low=bar.low, close=last.last_price)
        volume = last.volume + int(bar.volume)
        self._turnover += bar.volume * (bar.high + bar.low + bar.close) / 3.0
        self._quote = Quote(
            self.instrument,
            last_price=bar.close,
            open=last.open,
            high=max(last.high, bar.high),
            low=min(last.low, bar.low),
            close=last.close,
            volume=volume,
            average_price=self._turnover / volume if volume else 0.0,
            oi=int(np.nan_to_num(bar.oi)),
            time_ns=bar.time_ns + self.interval_s * 1_000_000_000,
        )
        held = self.position
        answer = self.function(self.symbol, str(self.instrument.exchange), quote_dict(self._quote), held != 0)
        wish = checked(wish_of(answer, self.instrument, held))
        self.wish = None if wish is NOTHING else wish


def _price(key: str, value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(float(value)):
        raise StrategyFault(f"Expected {key} to be a price or None, was {value!r}.")
    return float(value)

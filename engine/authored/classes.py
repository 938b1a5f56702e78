"""A strategy as a plain Python class: `on_bar` looks at a closed bar and says buy, sell or close; the rest is the engine's.

    class Crossover(Strategy):
        fast = Parameter(9, 2, 200)
        slow = Parameter(21, 5, 400)

        def on_start(self):
            self.quick = self.indicator("ema", period=self.fast)
            self.calm = self.indicator("ema", period=self.slow)

        def on_bar(self, bar):
            if self.quick.value > self.calm.value:
                self.buy(stop=bar.close * 0.99)
            else:
                self.sell(stop=bar.close * 1.01)

The same class runs in a backtest, on paper and live; each symbol has an instance of its own. What is wished for is the INTENT of a
compiled template: sized, checked and filled alike, no earlier than the next bar's open. What is not a price is refused on the spot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from engine.authored.streams import Higher, Stream, Streams
from engine.core import registry
from engine.core.errors import UserError
from engine.core.model import Bar, Instrument
from engine.core.records import INTENT

Wish = tuple[float, ...]
"""The fields of an INTENT, NaN = none."""

_PRICES = {name: at for at, name in enumerate(INTENT.names or ()) if name != "target"}
_NO_PRICES = (math.nan,) * len(_PRICES)


class StrategyFault(UserError):
    """A strategy asked for something that cannot be; it is stopped, and the sentence is shown."""


class Parameter:
    """One number of a strategy that can be set from outside: default, lowest, highest; whole when the default is."""

    def __init__(self, default: float, low: float, high: float) -> None:
        if not low <= default <= high:
            raise UserError(f"Expected a default from {low:g} to {high:g}, was {default:g}; change one of them.")
        self.default, self.low, self.high = default, low, high
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn under which name the class keeps it."""
        self.name = name

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: type) -> Any:
            """Return the number that the instance was made with, which lies in the instance itself."""

    def declared(self) -> registry.Parameter:
        """Return what templates are described by."""
        return registry.Parameter(self.name, self.default, self.low, self.high)


class Filled(NamedTuple):
    """An execution of the strategy's own, as it is told."""

    time_ns: int
    quantity: int
    """Signed: bought is positive."""
    price: float
    charges: float
    """Rupees."""
    reason: str
    """entry, exit, reversal, stop, target, trail or square_off."""


class Desk(Protocol):
    """Whoever drives a strategy, and knows what it holds."""

    def news(self) -> Iterable[Filled]:
        """Return what was filled since this was asked last, and before the present bar was over."""
        ...

    def position(self) -> int:
        """Return the signed quantity held after the present bar."""
        ...

    def equity(self) -> float:
        """Return the worth in rupees at the present bar's close."""
        ...


class Strategy:
    """The base of a strategy of your own: give it `on_bar`, and `on_start` where it has indicators."""

    instrument: Instrument
    """What this instance trades."""
    interval_s: int
    """Length of its bars in seconds."""
    state: dict[str, Any]
    """Notes of its own: text, finite numbers, true, false, None, and lists and dicts of these. What stands here is kept and is there
    again after a restart, as it was after the same bar; everything else a strategy learns from the past anew. The check for looking
    ahead compares it, too."""

    def __init__(self, desk: Desk, streams: Streams, values: Mapping[str, float]) -> None:
        """Be made by whoever drives it; a strategy's own beginning is `on_start`."""
        self._desk = desk
        self._streams = streams
        self.wish: Wish | None = None
        """What was asked for last; whoever drives it takes it."""
        self.instrument, self.interval_s = streams.instrument, streams.interval_s
        self.state = {}
        for name, parameter in parameters_of(type(self)).items():
            value = values[name]
            self.__dict__[name] = int(value) if parameter.declared().is_whole else value

    def on_start(self) -> None:
        """Declare indicators and larger bars; called once, before the first bar."""

    def on_bar(self, bar: Bar) -> None:
        """Decide on a closed bar."""
        raise NotImplementedError

    def on_fill(self, fill: Filled) -> None:
        """Take note of an execution; told before `on_bar` of the first bar that closes after it."""

    def on_stop(self) -> None:
        """End, on paper and live: the last notes are taken; nothing can be wished for any more."""

    @property
    def symbol(self) -> str:
        """The symbol this instance trades."""
        return self.instrument.symbol

    @property
    def position(self) -> int:
        """Return what is held, a negative number when short."""
        return self._desk.position()

    @property
    def equity(self) -> float:
        """Return what the strategy is worth now, in rupees."""
        return self._desk.equity()

    def buy(self, size: float = 1.0, **prices: float) -> None:
        """Want to be long: enter, or turn a short position. Prices: limit, trigger (a stop entry), stop, profit, trail (rupees)."""
        self._ask(_positive("size", size), prices)

    def sell(self, size: float = 1.0, **prices: float) -> None:
        """Want to be short: enter, or turn a long position (where shorting is not allowed: close it). Prices as for `buy`."""
        self._ask(-_positive("size", size), prices)

    def close(self, **prices: float) -> None:
        """Want to hold nothing."""
        self._ask(0.0, prices)

    def protect(self, **prices: float) -> None:
        """Move stop, profit or trail of the open position."""
        self._ask(math.nan, prices)

    @property
    def target(self) -> float:
        """What is wanted as of this bar in units of size, NaN when nothing new is; set it to want that."""
        return math.nan if self.wish is None else self.wish[0]

    @target.setter
    def target(self, size: float) -> None:
        """Want to hold that many units of size, a negative number short."""
        self._ask(_number("target", size), {})

    def indicator(self, name: str, bars: Higher | None = None, **values: float) -> Stream:
        """Declare one of the terminal's indicators, over these bars or over larger ones; in `on_start`."""
        return self._streams.indicator(name, values, bars)

    def talib(self, name: str, bars: Higher | None = None, **values: float) -> Stream:
        """Declare one of TA-Lib's functions, reckoned over all bars so far; in `on_start`."""
        return self._streams.talib(name, values, bars)

    def bars(self, minutes: int, on_bar: Callable[[Bar], None] | None = None) -> Higher:
        """Declare larger bars, seen once they are closed; `on_bar` is called with each, before that of the bar that closed it."""
        return self._streams.higher(60 * minutes, on_bar)

    def _ask(self, target: float, prices: dict[str, float]) -> None:
        wish = [target, *_NO_PRICES]
        for name, price in prices.items():
            if name not in _PRICES:
                raise StrategyFault(f"Expected prices among {', '.join(_PRICES)}, was {name}.")
            if price is not None:
                wish[_PRICES[name]] = _positive(name, price)
        self.wish = tuple(wish)


def parameters_of(cls: type) -> dict[str, Parameter]:
    """Return the parameters that a class declares, those of its bases first."""
    found: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__):
        found.update({name: value for name, value in vars(base).items() if isinstance(value, Parameter)})
    return found


def _number(name: str, value: object) -> float:
    if isinstance(value, (bool, str, bytes)):
        raise StrategyFault(f"Expected {name} to be a number, was {value!r}.")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise StrategyFault(f"Expected {name} to be a number, was {value!r}.") from None
    if not math.isfinite(number):
        raise StrategyFault(f"Expected {name} to be a finite number, was {number}.")
    return number


def _positive(name: str, value: object) -> float:
    number = _number(name, value)
    if number <= 0.0:
        raise StrategyFault(f"Expected {name} above zero, was {number:g}.")
    return number

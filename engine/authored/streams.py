"""What a plain-Python strategy reads beside the bar: indicators, TA-Lib's functions, larger bars, each as of the present bar.

Closed bars come in as BAR rows, one at a time or many at once; every figure is reckoned from bars up to its own alone, so both ways
give the same. A larger bar is seen from the bar on that closes its window (or, after a hole, from the first one beyond).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import repeat
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.bars import SECOND_NS, resample
from engine.core.errors import InvalidOption, UserError, did_you_mean
from engine.core.model import Bar, Instrument
from engine.core.records import BAR, Rows
from engine.core.registry import INDICATORS, Indicator
from engine.core.series import loop_over, parse_values, series

OnBar = Callable[[Bar], None]


class Source(Protocol):
    """Something that gives columns of figures for the bars that come in."""

    outputs: tuple[str, ...]

    def compile(self) -> None:
        """Make it fast."""
        ...

    def over(self, rows: Rows) -> NDArray[np.float64]:
        """Return one row a bar, one column an output."""
        ...


class Stream:
    """A figure that goes on with every bar: `value` as of this bar, `previous` as of the one before, NaN until there is one."""

    __slots__ = ("_at", "_bars", "_before", "_columns", "_values", "source")

    def __init__(self, source: Source, at: Streams, bars: Higher | None) -> None:
        self.source, self._at, self._bars = source, at, bars
        self._columns: dict[str, list[float]] = {name: [] for name in source.outputs}
        self._values: list[float] = []
        self._before: tuple[float, ...] = (np.nan,) * len(source.outputs)

    @property
    def value(self) -> float:
        """The (first) output as of the present bar."""
        return self._values[self._at.at]

    @property
    def previous(self) -> float:
        """The (first) output as of the bar before."""
        at = self._at.at
        return self._values[at - 1] if at else self._before[0]

    def now(self) -> dict[str, float]:
        """Return all outputs by name as of the present bar."""
        return {name: column[self._at.at] for name, column in self._columns.items()}

    def __float__(self) -> float:
        return self.value

    def __getattr__(self, name: str) -> float:
        """Return a further output, as `upper` of Bollinger bands, as of the present bar."""
        if name not in self._columns:
            raise AttributeError(f'There is no output "{name}"{did_you_mean(name, self._columns)}')
        return self._columns[name][self._at.at]

    def prepare(self, rows: Rows) -> None:
        """Reckon the figures of the bars that come in."""
        if self._values:
            self._before = tuple(column[-1] for column in self._columns.values())
        made = self.source.over(rows if self._bars is None else self._bars.closed_rows)
        if self._bars is not None:
            # What was known after each larger bar holds until the next one is closed.
            made = np.concatenate([np.array([self._before]), made])[self._bars.closed_by]
        self._columns = dict(zip(self.source.outputs, made.T.tolist(), strict=True))
        self._values = next(iter(self._columns.values()))


class Higher(Sequence[Bar]):
    """Larger bars that are closed, oldest first: `bars[-1]` is the last one."""

    def __init__(self, streams: Streams, interval_s: int, on_bar: OnBar | None) -> None:
        self._streams, self.interval_s, self.on_bar = streams, interval_s, on_bar
        self.closed_rows: Rows = np.empty(0, dtype=BAR)
        """BAR rows of those that the bars coming in have closed."""
        self.closed_by: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        """How many of them each bar coming in knows."""
        self._closed: list[Bar] = []
        self._known: list[int] = []
        self._forming: Rows = np.empty(0, dtype=BAR)
        self._from_ns = 0

    def __len__(self) -> int:
        return self._known[self._streams.at] if self._known else 0

    def __getitem__(self, at: Any) -> Any:
        """Return a closed bar, or a list of them."""
        return self._closed[: len(self)][at] if isinstance(at, slice) else self._closed[range(len(self))[at]]

    def prepare(self, rows: Rows) -> None:
        """Take in the bars that come in, and note by which of them each larger bar is closed."""
        before = len(self._closed)
        gathered = np.concatenate([self._forming, rows])
        self._from_ns = self._from_ns or int(gathered["time_ns"][0])
        made = resample(gathered, self.interval_s)
        ends, seen_ns = made["time_ns"] + self.interval_s * SECOND_NS, rows["time_ns"] + self._streams.interval_s * SECOND_NS
        is_closed = ends <= seen_ns[-1]
        self._forming = gathered[:0] if is_closed[-1] else gathered[gathered["time_ns"] >= made["time_ns"][-1]]
        is_whole = made["time_ns"] >= self._from_ns
        self.closed_rows = made[is_closed & is_whole]
        self.closed_by = np.searchsorted(ends[is_closed & is_whole], seen_ns, side="right")
        self._closed += as_bars(self.closed_rows, self._streams.instrument, self.interval_s)
        self._known = (before + self.closed_by).tolist()

    def due(self) -> list[tuple[int, Bar]]:
        """Return the larger bars that close now and by which of the bars coming in."""
        first = np.searchsorted(self.closed_by, np.arange(1, len(self.closed_rows) + 1))
        return list(zip(first.tolist(), self._closed[len(self._closed) - len(first) :], strict=True))


class Streams:
    """All that one strategy reads, and at which of the bars that came in it stands."""

    def __init__(self, instrument: Instrument, interval_s: int) -> None:
        self.instrument, self.interval_s = instrument, interval_s
        self.at = 0
        self._streams: list[Stream] = []
        self._higher: list[Higher] = []
        self._is_open = True

    def close(self) -> None:
        """Take no more declarations."""
        self._is_open = False

    def compile(self) -> None:
        """Have the terminal's indicators as machine code: worth its while for many bars."""
        for stream in self._streams:
            stream.source.compile()

    def indicator(self, name: str, values: Mapping[str, float], bars: Higher | None) -> Stream:
        """Declare one of the terminal's own; raises InvalidOption for an unknown name or parameter."""
        return self._add(_Own(INDICATORS.get(name), values), bars)

    def talib(self, name: str, values: Mapping[str, float], bars: Higher | None) -> Stream:
        """Declare one of TA-Lib's; raises InvalidOption for an unknown name or parameter."""
        return self._add(_TaLib(name, values), bars)

    def higher(self, interval_s: int, on_bar: OnBar | None) -> Higher:
        """Declare larger bars; raises InvalidOption unless they are made of whole bars."""
        self._check()
        if interval_s <= self.interval_s or interval_s % self.interval_s:
            own = f"{self.interval_s / 60:g}"
            raise InvalidOption(f"Expected larger bars of a multiple of {own} minutes, was {interval_s / 60:g}; choose another length.")
        self._higher.append(Higher(self, interval_s, on_bar))
        return self._higher[-1]

    def prepare(self, rows: Rows) -> dict[int, list[tuple[OnBar, Bar]]]:
        """Take in closed bars; returns who wants to be told of a larger bar, by the number of the bar that closes it."""
        due: dict[int, list[tuple[OnBar, Bar]]] = {}
        if len(rows) == 0:
            return due
        for higher in self._higher:
            higher.prepare(rows)
            if higher.on_bar is not None:
                for at, bar in higher.due():
                    due.setdefault(at, []).append((higher.on_bar, bar))
        for stream in self._streams:
            stream.prepare(rows)
        return due

    def _add(self, source: Source, bars: Higher | None) -> Stream:
        self._check()
        self._streams.append(Stream(source, self, bars))
        return self._streams[-1]

    def _check(self) -> None:
        if not self._is_open:
            raise UserError("Expected indicators and larger bars to be declared in on_start, was later; move it there.")


class _Own:
    """One of the terminal's indicators."""

    def __init__(self, indicator: Indicator, values: Mapping[str, float]) -> None:
        self.outputs = indicator.outputs
        self._indicator, self._values = indicator, parse_values(indicator, values)
        self._states: Rows = np.zeros(1, dtype=indicator.state)

    def compile(self) -> None:
        """Have it as machine code."""
        loop_over(self._indicator).compile()

    def over(self, rows: Rows) -> NDArray[np.float64]:
        """Go on with these bars."""
        return series(self._indicator, self._states, rows, self._values)


class _TaLib:
    """One of TA-Lib's functions, over all bars since the first: so it is the same whether they came one by one or at once."""

    def __init__(self, name: str, values: Mapping[str, float]) -> None:
        self._function = _function_of(name)
        self.outputs = ("value", *(str(each) for each in self._function.output_names))
        known = self._function.parameters
        for given in values:
            if given not in known:
                raise InvalidOption(f'Unknown parameter "{given}" of TA-Lib\'s {name}{did_you_mean(given, known)}')
        # TA-Lib wants whole numbers where its defaults are whole.
        self._values = {given: type(known[given])(value) for given, value in values.items()}
        self._past: dict[str, NDArray[np.float64]] = {column: np.empty(256) for column in ("open", "high", "low", "close", "volume")}
        self._count = 0

    def compile(self) -> None:
        """It is fast already."""

    def over(self, rows: Rows) -> NDArray[np.float64]:
        """Go on with these bars."""
        first, self._count = self._count, self._count + len(rows)
        for name, column in self._past.items():
            if self._count > len(column):
                column = self._past[name] = np.concatenate([column[:first], np.empty(2 * self._count - first)])
            column[first : self._count] = rows[name]
        if len(rows) == 0:
            return np.empty((0, len(self.outputs)))
        made = self._function({name: column[: self._count] for name, column in self._past.items()}, **self._values)
        columns = made if isinstance(made, (list, tuple)) else [made]
        return np.stack([columns[0], *columns], axis=1)[first:].astype(np.float64)


def _function_of(name: str) -> Any:
    try:
        talib, abstract = import_module("talib"), import_module("talib.abstract")
    except ImportError:
        raise UserError("Expected TA-Lib to be installed, was not; run pip install TA-Lib.") from None
    if name.upper() not in talib.get_functions():
        raise InvalidOption(f'Unknown function of TA-Lib "{name}"{did_you_mean(name.upper(), talib.get_functions())}')
    return abstract.Function(name.upper())


def as_bars(rows: Rows, instrument: Instrument, interval_s: int) -> list[Bar]:
    """Turn BAR rows into what a plain-Python strategy sees."""
    columns = [rows[name].tolist() for name in ("time_ns", "session_minute", "open", "high", "low", "close", "volume", "oi")]
    # Bar(...) would check what cannot be wrong here, at three times the cost.
    return list(map(partial(tuple.__new__, Bar), zip(repeat(instrument), repeat(interval_s), *columns, strict=False)))

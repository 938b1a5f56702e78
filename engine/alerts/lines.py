"""Indicators that are watched: each runs over the closed bars of its instrument, by the very function the strategies and the chart use.

An indicator is written as it is spoken: `ema(20)`, `macd(12,26,9).signal`, or `close` for the price itself.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping

from engine.core.alerts import Alert
from engine.core.errors import InvalidOption, did_you_mean
from engine.core.records import Row, Rows
from engine.core.registry import INDICATORS, Indicator
from engine.core.series import parse_values

_WRITTEN = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?:\((?P<values>[0-9., ]*)\))?(?:\.(?P<output>[a-z_]+))?")
PRICES = ("open", "high", "low", "close", "volume")


class Line:
    """One indicator, or a column of the bar, going on bar by bar."""

    def __init__(self, written: str) -> None:
        """Raises InvalidOption for what is no indicator, or has other parameters or outputs."""
        found = _WRITTEN.fullmatch(written.strip().lower())
        if found is None:
            raise InvalidOption(f'Expected an indicator such as ema(20) or close, was "{written}"; write it so.')
        self.price = found["name"] if found["name"] in PRICES else ""
        if self.price:
            return
        self._indicator: Indicator = INDICATORS.get(found["name"])
        self._numbers = parse_values(self._indicator, self._given(found["values"] or "")).tolist()
        self._output = found["output"] or self._indicator.outputs[0]
        if self._output not in self._indicator.outputs:
            raise InvalidOption(f'{found["name"]} has no output "{self._output}"{did_you_mean(self._output, self._indicator.outputs)}')
        plain = getattr(self._indicator.update, "py_func", self._indicator.update)
        words = list(inspect.signature(plain).parameters)
        self._inputs = words[1 : len(words) - len(self._numbers)]
        self._state = self._indicator.new_state()

    def _given(self, values: str) -> Mapping[str, object]:
        words = [word for word in values.replace(" ", "").split(",") if word]
        known = [parameter.name for parameter in self._indicator.parameters]
        if len(words) > len(known):
            raise InvalidOption(f"Expected at most {len(known)} parameters of {self._indicator.name}, were {len(words)}; leave some out.")
        return {name: float(word) for name, word in zip(known, words, strict=False)}

    def step(self, bar: Row) -> float:
        """Take the next closed bar and return the figure, NaN until there were enough."""
        if self.price:
            return float(bar[self.price])
        self._indicator.update(self._state, *(bar[word].item() for word in self._inputs), *self._numbers)
        return float(self._state[self._output])


class IndicatorWatch:
    """One indicator alert on its bars: two lines, or a line and a value."""

    def __init__(self, alert: Alert) -> None:
        """Raises InvalidOption for an indicator that there is not."""
        self.alert = alert
        self.is_seeded = False
        self._left = Line(alert.subject)
        self._right = Line(alert.other) if alert.other else None
        self._last_ns = -1
        self._is_ready = False

    def seed(self, bars: Rows) -> None:
        """Take the bars of the past, without telling anybody."""
        for bar in bars:
            self._step(bar)
        self.is_seeded = True

    def take(self, bar: Row) -> tuple[float, float] | None:
        """Take a closed bar; returns the figure and what it crossed, or None."""
        if not self.is_seeded or int(bar.time_ns) <= self._last_ns:
            return None
        return self._step(bar)

    def _step(self, bar: Row) -> tuple[float, float] | None:
        self._last_ns = int(bar.time_ns)
        figure = self._left.step(bar)
        level = self._right.step(bar) if self._right is not None else self.alert.value
        # Told as a distance from the level, so that one rule serves values and other indicators alike.
        shifted = figure - level + self.alert.value
        if self._is_ready and self.alert.is_far(shifted):
            self._is_ready = False
            return figure, level
        if not math.isnan(shifted) and self.alert.is_near(shifted):
            self._is_ready = True
        return None

"""Indicators drawn over the price: each is the very function the strategies use, run over the bars of the chart.

Which there are comes from the registry; a new indicator file needs no line here. The forming bar is reckoned on a copy of the state,
and forgotten with the next tick.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.core.records import Row, Rows
from engine.core.registry import INDICATORS, Indicator

MOST_BARS = 3_000
"""Reckoned back from the newest; what lies further back is not drawn."""

PLAIN_STEPS = 50
"""At once, while the indicator is not compiled yet."""

COLUMNS = ("time_ns", "session_minute", "open", "high", "low", "close", "volume")


def overlay_names() -> list[str]:
    """List the indicators that are drawn over the price."""
    return [name for name, item in INDICATORS.items() if item.is_overlay]


class Overlay:
    """One indicator with its parameters over one chart."""

    def __init__(self, name: str, parameters: Mapping[str, float] | None = None) -> None:
        """Take parameters not given from the indicator's defaults; raises InvalidOption for an unknown name."""
        self.indicator: Indicator = INDICATORS.get(name)
        given = parameters or {}
        self.parameters = {p.name: float(given.get(p.name, p.default)) for p in self.indicator.parameters}
        plain = getattr(self.indicator.update, "py_func", self.indicator.update)
        self._inputs = [word for word in inspect.signature(plain).parameters if word in COLUMNS]
        self._numbers = list(self.parameters.values())
        self.first = 0
        """Place of the first value."""
        self.lines: list[NDArray[np.float64]] = []
        self._settled = self._fresh()
        self._reckoned = 0

    @property
    def title(self) -> str:
        """Return how it is called, with its parameters: EMA 20."""
        return " ".join([self.indicator.title, *(f"{value:g}" for value in self._numbers)])

    def _fresh(self) -> Rows:
        return np.zeros(1, dtype=self.indicator.state)

    def restart(self, count: int) -> None:
        """Forget everything: the chart has `count` other bars now."""
        self.first = self._reckoned = max(0, count - MOST_BARS)
        self._settled = self._fresh()
        self.lines = [np.zeros(0) for _ in self.indicator.outputs]

    def follow(self, rows: Rows) -> bool:
        """Reckon the bars that came since, and the last one, which may still be forming; tell whether it has caught up.

        Not compiled yet, it takes a few bars at a time, so that the window stays alive: call it again.
        """
        if len(rows) <= self._reckoned:
            return True
        steps = MOST_BARS if getattr(self.indicator.update, "is_ready", False) else PLAIN_STEPS
        upto = min(len(rows) - 1, self._reckoned + steps)
        kept = self._reckoned - self.first
        fresh = [self._step(self._settled[0], rows[at]) for at in range(self._reckoned, upto)]
        self._reckoned = upto
        has_caught_up = upto == len(rows) - 1
        if has_caught_up:
            fresh.append(self._step(self._settled.copy()[0], rows[-1]))
        for number, line in enumerate(self.lines):
            self.lines[number] = np.concatenate([line[:kept], [values[number] for values in fresh]])
        return has_caught_up

    def _step(self, state: Row, bar: Row) -> tuple[float, ...]:
        self.indicator.update(state, *(bar[word].item() for word in self._inputs), *self._numbers)
        return tuple(float(state[word]) for word in self.indicator.outputs)

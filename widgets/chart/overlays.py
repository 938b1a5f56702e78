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

COLUMNS = ("open", "high", "low", "close", "volume")


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

    def restart(self, rows: Rows) -> None:
        """Reckon all anew; the last bar may still be forming."""
        self.first = max(0, len(rows) - MOST_BARS)
        self._settled = self._fresh()
        self._reckoned = self.first
        self.lines = [np.zeros(0) for _ in self.indicator.outputs]
        self.follow(rows)

    def follow(self, rows: Rows) -> None:
        """Reckon the bars that came since, and the last one, which may still be forming."""
        if len(rows) <= self._reckoned:
            return
        fresh = [self._step(self._settled[0], rows[at]) for at in range(self._reckoned, len(rows) - 1)]
        self._reckoned = len(rows) - 1
        trial = self._settled.copy()
        forming = self._step(trial[0], rows[-1])
        kept = self._reckoned - len(fresh) - self.first
        for number, line in enumerate(self.lines):
            new = [values[number] for values in (*fresh, forming)]
            self.lines[number] = np.concatenate([line[:kept], new])

    def _step(self, state: Row, bar: Row) -> tuple[float, ...]:
        self.indicator.update(state, *(float(bar[word]) for word in self._inputs), *self._numbers)
        return tuple(float(state[word]) for word in self.indicator.outputs)

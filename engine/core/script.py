"""A step that wants what was written down beforehand: how a plain-Python strategy trades in the compiled replay.

A state buffer holds how many bars were seen, where the next wish stands, and wishes: the number of the bar (counted from 0) that each
was made on, then the fields of an INTENT. So whoever decides in Python takes part in the very loop that runs templates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.compiled import compiled
from engine.core.records import INTENT, Row, Rows

SEEN, NEXT, FIRST = 0, 1, 2
"""Where a buffer keeps the bars seen, the place of the next wish, and the first wish."""

WIDTH = 1 + len(INTENT.names or ())
"""Numbers of one wish."""

NONE = -1.0
"""The number of no bar."""


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Rows, params: Rows, bar: Row, intent: Row) -> None:
    """Want what is written down for this bar, if anything."""
    seen, at = state[SEEN], int(state[NEXT])
    state[SEEN] = seen + 1.0
    if at < len(state) and state[at] == seen:
        state[NEXT] = float(at + WIDTH)
        intent.target = state[at + 1]
        intent.limit = state[at + 2]
        intent.stop = state[at + 3]
        intent.profit = state[at + 4]
        intent.trail = state[at + 5]
        intent.trigger = state[at + 6]


class Script:
    """The buffers of some instruments, and the wishes written into them."""

    def __init__(self, count: int) -> None:
        self.states: NDArray[np.float64] = np.full((count, FIRST + 16 * WIDTH), NONE)
        """One row an instrument; another array once there is no room left."""
        self.states[:, SEEN], self.states[:, NEXT] = 0.0, FIRST
        self._ends = [FIRST] * count

    def write(self, instrument: int, number: int, wish: tuple[float, ...]) -> None:
        """Write down what is wanted on the bar of that number; later than all bars written before."""
        at = self._ends[instrument]
        if at == self.states.shape[1]:
            self.states = np.concatenate([self.states, np.full((len(self.states), at - FIRST), NONE)], axis=1)
        row = self.states[instrument]
        row[at] = number
        row[at + 1 : at + WIDTH] = wish
        self._ends[instrument] = at + WIDTH

    def tidy(self) -> None:
        """Make room where all that was written down has been wanted."""
        for instrument, end in enumerate(self._ends):
            if end > FIRST and self.states[instrument, NEXT] == end:
                self.states[instrument, FIRST:end] = NONE
                self.states[instrument, NEXT] = self._ends[instrument] = FIRST

    def keep(self) -> NDArray[np.float64]:
        """Return what `go_back` takes: how far each instrument is."""
        return self.states[:, :FIRST].copy()

    def go_back(self, kept: NDArray[np.float64]) -> None:
        """Be as far again as when `keep` was called; what was written down stays."""
        self.states[:, :FIRST] = kept

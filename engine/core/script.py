"""A step that wants what was written down beforehand: how a plain-Python strategy trades in the compiled replay.

The state buffer holds how many bars were seen, how many wishes are left in it, and the wishes: the number of the bar (counted from 0)
that each was made on, then the fields of an INTENT. So whoever decides in Python takes part in the very loop that runs templates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.compiled import compiled
from engine.core.records import INTENT, Row, Rows

SEEN, NEXT, FIRST = 0, 1, 2
"""Where a buffer keeps the bars seen, the place of the next wish, and the first wish."""

WIDTH = 1 + len(INTENT.names or ())
"""Numbers of one wish."""


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state: Rows, params: Rows, bar: Row, intent: Row) -> None:
    """Want what is written down for this bar, if anything."""
    seen, at = state[SEEN], int(state[NEXT])
    state[SEEN] = seen + 1.0
    if at + WIDTH <= len(state) and state[at] == seen:
        state[NEXT] = float(at + WIDTH)
        intent.target = state[at + 1]
        intent.limit = state[at + 2]
        intent.stop = state[at + 3]
        intent.profit = state[at + 4]
        intent.trail = state[at + 5]


def write_down(states: NDArray[np.float64], wishes: Sequence[Sequence[tuple[float, ...]]]) -> NDArray[np.float64]:
    """Return buffers, one row an instrument, that go on from `states` with these wishes: (number of the bar, fields of an INTENT)."""
    longest = max((len(own) for own in wishes), default=0)
    made = np.full((len(wishes), FIRST + WIDTH * longest), -1.0)
    made[:, SEEN] = states[:, SEEN]
    made[:, NEXT] = FIRST
    for row, own in zip(made, wishes, strict=True):
        if own:
            row[FIRST : FIRST + WIDTH * len(own)] = np.asarray(own, dtype=np.float64).reshape(-1)
    return made

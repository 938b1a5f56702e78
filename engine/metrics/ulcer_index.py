"""How deep and how long the account was below its heights: what one would have had to sit through."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("ulcer_index", title="Ulcer index", group="Risk", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the root mean square of daily closing drawdowns in percent (Martin and McCann 1989); NaN without a day."""
    curve = run.daily_curve
    falls = 100.0 * (1.0 - curve / np.maximum.accumulate(curve))[1:]
    return math.sqrt(mean(falls**2))

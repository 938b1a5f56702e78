"""The share of trading days that closed below an earlier height."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean


@metric("time_under_water", title="Time under water", group="Risk", unit="%", format="0.0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return days whose closing equity lies below the highest so far, in percent of all days; NaN without a day."""
    curve = run.daily_curve
    return 100.0 * mean((curve < np.maximum.accumulate(curve))[1:])

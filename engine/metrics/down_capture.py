"""How much of the benchmark's return the account had on the days on which the benchmark fell."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised, ratio


@metric("down_capture", title="Down capture", group="Benchmark", unit="%", higher_is_better=False)
def compute(run: Run) -> float:
    """Return own / benchmark yearly return over the days on which the benchmark fell, in percent (empyrical `down_capture`).

    NaN without such.
    """
    own, other = run.paired_returns
    own, other = own[other < 0.0], other[other < 0.0]
    mine, its = annualised(float(np.prod(1.0 + own)), len(own)), annualised(float(np.prod(1.0 + other)), len(other))
    return 100.0 * ratio(mine, its)

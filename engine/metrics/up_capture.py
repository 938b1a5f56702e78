"""How much of the benchmark's return the account had on the days on which the benchmark rose."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import annualised, ratio


@metric("up_capture", title="Up capture", group="Benchmark", unit="%")
def compute(run: Run) -> float:
    """Return own / benchmark yearly return over the days on which the benchmark rose, in percent (empyrical `up_capture`).

    NaN without such.
    """
    own, other = run.paired_returns
    own, other = own[other > 0.0], other[other > 0.0]
    mine, its = annualised(float(np.prod(1.0 + own)), len(own)), annualised(float(np.prod(1.0 + other)), len(other))
    return 100.0 * ratio(mine, its)

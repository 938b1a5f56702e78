"""What all winning days returned over what all losing days cost."""

from __future__ import annotations

import math

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("omega", title="Omega ratio", group="Risk")
def compute(run: Run) -> float:
    """Return sum of daily gains / sum of daily losses, above and below 0 (Keating and Shadwick 2002; empyrical `omega_ratio`).

    NaN if none lost.
    """
    returns = run.daily_returns
    if len(returns) < 2:
        return math.nan
    return ratio(float(np.sum(np.maximum(returns, 0.0))), -float(np.sum(np.minimum(returns, 0.0))))

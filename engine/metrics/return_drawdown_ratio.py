"""Total return over the deepest fall from a height, both in percent."""

from __future__ import annotations

import numpy as np

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("return_drawdown_ratio", title="Return over drawdown", group="Risk")
def compute(run: Run) -> float:
    """Return total return / largest drawdown by daily closing equity (vnpy `return_drawdown_ratio`); NaN without a drawdown."""
    curve = run.daily_curve
    fall = float(np.max(1.0 - curve / np.maximum.accumulate(curve)))
    return ratio(float(curve[-1]) / run.capital_units - 1.0, fall)

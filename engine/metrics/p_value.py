"""How likely an average gain so far from zero is by luck alone."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean, ratio, spread, student_tail


@metric("p_value", title="P-value of the mean", group="Trades", format="0.0000", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the two-sided p of Student's t that net gains average 0 (Student 1908; freqtrade `profit_mean_p_value`); NaN if too few."""
    net = run.trades["net"]
    t = ratio(mean(net), spread(net)) * math.sqrt(len(net))
    return student_tail(t, len(net) - 1) if math.isfinite(t) else math.nan

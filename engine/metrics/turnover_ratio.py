"""How many times over the account was traded."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean, ratio


@metric("turnover_ratio", title="Turnover of equity", group="Costs", higher_is_better=None)
def compute(run: Run) -> float:
    """Return turnover / mean daily equity (OpenAlgo `turnover`, over the whole run); NaN without a day."""
    return ratio(float(run.fill_values.sum()), mean(run.daily_equity))

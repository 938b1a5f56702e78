"""What winners brought over what losers cost."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("profit_factor", title="Profit factor", group="Trades")
def compute(run: Run) -> float:
    """Return sum of net gains / sum of net losses of ended round trips (freqtrade `profit_factor`); NaN without a loss."""
    net = run.trades["net"]
    return ratio(float(net[net > 0].sum()), -float(net[net < 0].sum()))

"""How much larger an average winner is than an average loser."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean, ratio


@metric("payoff_ratio", title="Payoff ratio", group="Trades")
def compute(run: Run) -> float:
    """Return average win / average loss; NaN without either."""
    net = run.trades["net"]
    return ratio(mean(net[net > 0]), -mean(net[net < 0]))

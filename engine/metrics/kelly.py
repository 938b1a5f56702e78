"""The share of capital that such a win rate and payoff would bear at most."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean, ratio


@metric("kelly", title="Kelly criterion", group="Trades")
def compute(run: Run) -> float:
    """Return win rate - (1 - win rate) / payoff ratio, as a fraction (Kelly 1956; backtesting.py `Kelly Criterion`).

    NaN without a win or loss.
    """
    net = run.trades["net"]
    won = mean(net > 0)
    return won - ratio(1.0 - won, ratio(mean(net[net > 0]), -mean(net[net < 0])))

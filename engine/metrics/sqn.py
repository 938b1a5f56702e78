"""How sure the average gain is, given how much round trips differ and how many there were."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean, ratio, spread


@metric("sqn", title="System quality number", group="Trades")
def compute(run: Run) -> float:
    """Return sqrt(trades) x mean / sample deviation of net gains (Tharp 2008; backtesting.py `SQN`); NaN with fewer than two."""
    net = run.trades["net"]
    return ratio(mean(net), spread(net)) * math.sqrt(len(net))

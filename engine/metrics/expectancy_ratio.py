"""What an average round trip brings for each rupee that an average loser costs."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import mean, ratio


@metric("expectancy_ratio", title="Expectancy ratio", group="Trades")
def compute(run: Run) -> float:
    """Return (1 + average win / average loss) x win rate - 1 (freqtrade `expectancy_ratio`); NaN without a loss."""
    net = run.trades["net"]
    wins, losses = net[net > 0], net[net < 0]
    payoff = ratio(mean(wins) if len(wins) else 0.0, -mean(losses))
    return (1.0 + payoff) * mean(net > 0) - 1.0

"""The longest run of winners."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import longest_streak


@metric("consecutive_wins", title="Wins in a row", group="Trades", format="0")
def compute(run: Run) -> float:
    """Return the most winning round trips in a row, in order of their ends (freqtrade `max_consecutive_wins`)."""
    return float(longest_streak(run.trades["net"] > 0))

"""The longest run of losers."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import longest_streak


@metric("consecutive_losses", title="Losses in a row", group="Trades", format="0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return the most losing round trips in a row, in order of their ends (freqtrade `max_consecutive_losses`)."""
    return float(longest_streak(run.trades["net"] < 0))

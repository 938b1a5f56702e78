"""How many round trips ended on an average trading day."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("trades_per_day", title="Trades a day", group="Orders", format="0.0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return ended round trips / trading days (freqtrade `trades_per_day`); NaN without a day."""
    return ratio(len(run.trades), len(run.daily_equity))

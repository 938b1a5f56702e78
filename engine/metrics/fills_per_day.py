"""How many executions an average trading day had."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("fills_per_day", title="Fills a day", group="Orders", format="0.0", higher_is_better=None)
def compute(run: Run) -> float:
    """Return fills / trading days (vnpy `daily_trade_count`); NaN without a day."""
    return ratio(len(run.fills), len(run.daily_equity))

"""How far round trips ran for the holder for each rupee that they ran against."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("edge_ratio", title="Edge ratio", group="Trades")
def compute(run: Run) -> float:
    """Return the sum of favourable over the sum of adverse excursions (after Faith 2007, in rupees); NaN if none ran against."""
    return ratio(float(run.trades["mfe"].sum()), -float(run.trades["mae"].sum()))

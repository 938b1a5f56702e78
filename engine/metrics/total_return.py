"""By how much the account grew over the whole run."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("total_return", title="Total return", group="Returns", unit="%")
def compute(run: Run) -> float:
    """Return (final equity / capital - 1) in percent (empyrical `cum_returns_final`, backtesting.py `Return [%]`); NaN without a bar."""
    return 100.0 * (ratio(float(run.equity[-1]), run.capital_units) - 1.0) if len(run.equity) else math.nan

"""How much of the profit before charges went into charges."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("charges_pct_of_gross", title="Charges of gross profit", group="Costs", unit="%", format="0.0", higher_is_better=False)
def compute(run: Run) -> float:
    """Return charges / profit before charges in percent; NaN where there was no profit before charges."""
    if not len(run.equity):
        return math.nan
    charges = int(run.fills["charges"].sum())
    gross = int(run.equity[-1]) - run.capital_units + charges
    return 100.0 * ratio(charges, gross) if gross > 0 else math.nan

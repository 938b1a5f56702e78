"""What trading costs for each hundred rupees traded."""

from __future__ import annotations

from engine.core.registry import metric
from engine.core.run import Run
from engine.core.statistics import ratio


@metric("charges_pct_of_turnover", title="Charges of turnover", group="Costs", unit="%", format="0.0000", higher_is_better=False)
def compute(run: Run) -> float:
    """Return charges / turnover in percent; NaN without a fill."""
    return 100.0 * ratio(float(run.fills["charges"].sum()), float(run.fill_values.sum()))

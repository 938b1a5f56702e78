"""What holding the benchmark, or else what was traded in equal parts, would have returned."""

from __future__ import annotations

import math

from engine.core.registry import metric
from engine.core.run import Run


@metric("buy_and_hold", title="Buy and hold", group="Benchmark", unit="%", higher_is_better=None)
def compute(run: Run) -> float:
    """Return the benchmark's growth over the run in percent, without charges (backtesting.py `Buy & Hold Return [%]`).

    NaN without prices.
    """
    growth = run.benchmark_growth
    return 100.0 * (float(growth[-1]) - 1.0) if len(growth) else math.nan

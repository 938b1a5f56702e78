"""Every metric is found by name, says what it is, and answers a run of nothing without complaint."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import InvalidOption
from engine.core.model import UNITS
from engine.core.records import BAR, FILL
from engine.core.registry import METRICS
from engine.core.run import Run

DAY = 86_400_000_000_000


def run_of(equity: list[float]) -> Run:
    units = np.array([round(rupees * UNITS) for rupees in equity], dtype=np.int64)
    times = np.arange(len(equity), dtype=np.int64) * DAY
    return Run(units, times, np.zeros(0, FILL), np.zeros(0, BAR), 1000 * UNITS, np.ones(1, dtype=np.int64))


def test_metrics_are_found_by_name_and_a_wrong_one_says_which_was_meant() -> None:
    assert METRICS.get("sharpe").title == "Sharpe ratio"
    with pytest.raises(InvalidOption, match='Unknown metric "sharp"; did you mean "sharpe"'):
        METRICS.get("sharp")


def test_net_profit_is_what_equity_gained() -> None:
    assert METRICS.get("net_profit").compute(run_of([1010.5, 990.25])) == -9.75

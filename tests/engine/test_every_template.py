"""Every template there is trades through the whole engine what it trades in a backtest, on several markets and with any parameters."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.compiling import compile_for_trading
from engine.core.model import UNITS, Product, StrategyState
from engine.core.registry import TEMPLATES, Template
from engine.tariffs import Tariff
from tests.engine.live_runs import facts, run_it
from tests.engine.walks import markets

LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    compile_for_trading()


def some_parameters(template: Template, rng: np.random.Generator) -> dict[str, float]:
    """Draw parameters that trade: periods of a few bars, fractions small, what counts minutes or bars of waiting left alone."""
    given: dict[str, float] = {}
    for parameter in template.parameters:
        if parameter.name in ("stop", "target"):
            given[parameter.name] = round(float(rng.uniform(0.002, 0.01)), 4)
        elif parameter.is_whole and parameter.high >= 100 and "minute" not in parameter.name and parameter.name != "warmup":
            given[parameter.name] = int(rng.integers(max(2, parameter.low), 12))
    for fast, slow in (("fast_ema", "slow_ema"), ("fast", "slow")):
        if slow in given:
            given[slow] = given[fast] + 5
    return given


@pytest.mark.parametrize("name", TEMPLATES.names())
def test_it_trades_alike_in_a_backtest_and_live(name: str, loop_run: LoopRun, tmp_path: Path) -> None:
    template, rng = TEMPLATES.get(name), np.random.default_rng(len(name))
    bars, parameters = markets(len(name), 2, 1, 0.05), some_parameters(template, rng)
    fills, summary = loop_run(run_it(bars, {"strategy_type": name, "parameters": parameters}, tmp_path))
    made = run_backtest(
        template, bars, parameters, base_s=60, sizing="fixed:3", product=Product.MIS, tariff=Tariff.load(), calendar=Calendar.load(),
        capital_units=100_000 * UNITS,
    )  # fmt: skip
    assert summary["state"] == StrategyState.RUNNING, summary["last_error"]
    assert facts(fills) == facts(made.fills())
    assert len(fills) > 3, parameters

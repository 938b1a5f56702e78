"""Where empyrical has the metric, ours is the same number, on fixed and on random series."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from engine.core.registry import METRICS
from engine.core.run import Run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical

Numbers = NDArray[np.float64]
Reference = Callable[[Numbers], float]


def _percent(of: Reference) -> Reference:
    return lambda returns: 100.0 * of(returns)


ALONE: dict[str, Reference] = {
    "total_return": _percent(empyrical.cum_returns_final),
    "annual_return": _percent(empyrical.annual_return),
    "volatility": _percent(empyrical.annual_volatility),
    "downside_deviation": _percent(empyrical.downside_risk),
    "sharpe": empyrical.sharpe_ratio,
    "sortino": empyrical.sortino_ratio,
    "calmar": empyrical.calmar_ratio,
    "omega": empyrical.omega_ratio,
    "max_drawdown": lambda returns: -100.0 * empyrical.max_drawdown(returns),
    "stability": empyrical.stability_of_timeseries,
    "tail_ratio": empyrical.tail_ratio,
    "skew": stats.skew,
    "kurtosis": stats.kurtosis,
    "value_at_risk": _percent(empyrical.value_at_risk),
    "conditional_value_at_risk": _percent(empyrical.conditional_value_at_risk),
}

PAIRED: dict[str, Callable[[Numbers, Numbers], float]] = {
    "alpha": lambda own, other: 100.0 * empyrical.alpha(own, other),
    "beta": empyrical.beta,
    "information_ratio": lambda own, other: math.sqrt(252) * empyrical.excess_sharpe(own, other),
    "up_capture": lambda own, other: 100.0 * empyrical.up_capture(own, other),
    "down_capture": lambda own, other: 100.0 * empyrical.down_capture(own, other),
}

FIXED = [
    [1010.0, 1004.5, 1020.25, 1019.0, 1035.5, 1001.0, 990.0, 1012.75, 1030.0, 1050.0],
    [990.0, 970.0, 985.0, 940.0, 930.0, 955.5],
    [1001.0, 1003.0, 1004.0, 1009.0],
]

MakeRun = Callable[..., Run]
SERIES = st.lists(st.floats(-0.09, 0.11), min_size=4, max_size=120).filter(lambda steps: np.ptp(steps) > 1e-3)
CALM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(name: str, ours: float, theirs: float) -> None:
    if not math.isfinite(theirs):
        assert math.isnan(ours), f"{name}: {ours} where the reference has none"
    else:
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9), name


def equity_of(steps: list[float]) -> Numbers:
    return 100_000.0 * np.cumprod(1.0 + np.array(steps))


@pytest.mark.parametrize("equity", FIXED, ids=["mixed", "falling", "rising"])
@pytest.mark.parametrize("name", ALONE)
def test_a_fixed_series(name: str, equity: list[float], make_run: MakeRun) -> None:
    run = make_run(equity)
    check(name, METRICS.get(name).compute(run), float(ALONE[name](run.daily_returns)))


@CALM
@given(SERIES)
def test_a_random_series(make_run: MakeRun, steps: list[float]) -> None:
    run = make_run(equity_of(steps), capital=100_000.0)
    for name, reference in ALONE.items():
        if name == "tail_ratio" and abs(np.percentile(run.daily_returns, 5)) < 1e-6:
            continue  # a ratio to next to nothing says nothing
        check(name, METRICS.get(name).compute(run), float(reference(run.daily_returns)))


@CALM
@given(SERIES, st.integers(0, 2**32 - 1))
def test_a_random_series_beside_a_random_benchmark(
    make_run: MakeRun, bars_of: Callable[..., object], steps: list[float], seed: int
) -> None:
    other = np.random.default_rng(seed).normal(0.001, 0.02, len(steps))
    closes = 500.0 * np.cumprod(1.0 + other)
    run = make_run(equity_of(steps), capital=100_000.0, benchmark=bars_of(closes.tolist(), [500.0, *closes[:-1]]))
    own, factor = run.paired_returns
    assert factor == pytest.approx(other)
    for name, reference in PAIRED.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the reference, where a capture has no day
            theirs = float(reference(own, factor))
        check(name, METRICS.get(name).compute(run), theirs)


@CALM
@given(SERIES)
def test_what_vnpy_reports_besides(make_run: MakeRun, steps: list[float]) -> None:
    run = make_run(equity_of(steps), capital=100_000.0)
    logs = pd.Series(np.log1p(run.daily_returns))
    window = logs.ewm(halflife=120)
    ewm = float(window.mean().iloc[-1] / window.std().iloc[-1] * math.sqrt(252))
    check("ewm_sharpe", METRICS.get("ewm_sharpe").compute(run), ewm)
    yearly = (run.daily_equity[-1] / run.capital_units - 1) / len(logs) * 252
    gain = math.copysign(math.log(1 + abs(yearly)), yearly)
    balance = pd.Series(run.daily_equity)
    deepest = float(((balance.cummax() - balance) / balance.cummax()).max())
    low = logs.sort_values().iloc[: math.ceil(len(logs) * 0.05)].mean()
    down = max(math.sqrt((np.minimum(logs, 0) ** 2).mean() * 252), 1e-6)
    factors = (1 + 0.1 * math.tanh(logs.skew())) / (1 + 0.05 * max(logs.kurt() - 3, 0)) / (1 + logs.std())
    if down > 1e-3:
        check("rgr", METRICS.get("rgr").compute(run), gain * factors / (0.5 * down + 0.3 * deepest + 0.2 * abs(low)))

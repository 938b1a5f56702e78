"""Eight days, four round trips and one left open: every metric that no reference has, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from engine.core.errors import InvalidOption
from engine.core.records import Rows
from engine.core.registry import METRICS
from engine.core.run import Counters, Run

PRICES = [10.0, 11.0, 12.0, 13.0, 13.2, 13.0, 13.5, 13.5]
EQUITY = [1010.0, 990.0, 990.0, 1030.0, 1020.0, 1020.0, 1025.0, 1029.5]
"""Of a capital of 1000."""

FILLS = [
    (0, 10, 10.0, 1.0),
    (2, -10, 12.0, 1.0),  # + 20, less 2: 18 on 100
    (2, -5, 12.0, 1.0),
    (3, 5, 13.0, 1.0),  # - 5, less 2: -7 on 60
    (3, 10, 13.0, 1.0),
    (4, -10, 13.2, 1.0),  # + 2, less 2: 0 on 130
    (5, 20, 13.0, 1.0),
    (6, -20, 13.5, 1.0),  # + 10, less 2: 8 on 260
    (7, 3, 13.5, 0.5),  # left open
]
TURNOVER = 100 + 120 + 60 + 65 + 130 + 132 + 260 + 270 + 40.5
AVERAGE_EQUITY = sum(EQUITY) / 8
DEEP, SHALLOW = 20 / 1010, 10 / 1030
"""From 1010 to 990, back after three days; from 1030 to 1020, not back by the last day, four days later."""

EXPECTED = {
    "net_profit": 29.5,
    "gross_profit": 38.0,
    "simple_annual_return": 2.95 / 8 * 252,
    "cagr": 100 * (1.0295 ** (365.25 / 7) - 1),
    "final_equity": 1029.5,
    "peak_equity": 1030.0,
    "lowest_equity": 990.0,
    "daily_return": 100 * (0.01 - 20 / 1010 + 40 / 990 - 10 / 1030 + 5 / 1020 + 4.5 / 1025) / 8,
    "daily_net_profit": 29.5 / 8,
    "buy_and_hold": 35.0,
    "benchmark_cagr": 100 * (1.35 ** (252 / 8) - 1),
    "excess_cagr": 100 * (1.0295 ** (252 / 8) - 1.35 ** (252 / 8)),
    "max_drawdown_rupees": 20.0,
    "average_drawdown": 100 * (DEEP + SHALLOW) / 2,
    "max_drawdown_duration": 4.0,
    "average_drawdown_duration": 3.5,
    "time_under_water": 75.0,
    "recovery_factor": 29.5 / 20,
    "return_drawdown_ratio": 0.0295 / DEEP,
    "ulcer_index": 100 * math.sqrt((2 * DEEP**2 + 2 * SHALLOW**2 + (5 / 1030) ** 2 + (0.5 / 1030) ** 2) / 8),
    "trading_days": 8.0,
    "profit_days": 4.0,
    "loss_days": 2.0,
    "flat_days": 2.0,
    "profitable_days": 50.0,
    "best_day": 100 * 40 / 990,
    "worst_day": -100 * DEEP,
    "best_day_rupees": 40.0,
    "worst_day_rupees": -20.0,
    "trades": 4.0,
    "open_trades": 1.0,
    "long_trades": 3.0,
    "short_trades": 1.0,
    "long_profit": 26.0,
    "short_profit": -7.0,
    "winning_trades": 2.0,
    "losing_trades": 1.0,
    "breakeven_trades": 1.0,
    "win_rate": 50.0,
    "profit_factor": 26 / 7,
    "expectancy": 19 / 4,
    "expectancy_pct": 100 * (0.18 - 7 / 60 + 8 / 260) / 4,
    "expectancy_ratio": (1 + 13 / 7) * 0.5 - 1,
    "average_trade": 100 * ((1.18 * (1 - 7 / 60) * (1 + 8 / 260)) ** 0.25 - 1),
    "median_trade": 100 * (8 / 260) / 2,
    "best_trade": 18.0,
    "worst_trade": -100 * 7 / 60,
    "best_trade_rupees": 18.0,
    "worst_trade_rupees": -7.0,
    "average_win": 13.0,
    "average_loss": -7.0,
    "payoff_ratio": 13 / 7,
    "sqn": 2 * 4.75 / math.sqrt((13.25**2 + 11.75**2 + 4.75**2 + 3.25**2) / 3),
    "kelly": 0.5 - 0.5 / (13 / 7),
    "p_value": float(stats.ttest_1samp([18, -7, 0, 8], 0.0).pvalue),
    "average_duration": 30.0,
    "max_duration": 48.0,
    "min_duration": 24.0,
    "average_duration_winners": 36.0,
    "average_duration_losers": 24.0,
    "consecutive_wins": 1.0,
    "consecutive_losses": 1.0,
    "exposure_time": 75.0,
    "max_open_positions": 1.0,
    "average_stake": 550 / 4,
    "average_mae": -5 / 4,
    "average_mfe": (20 + 0 + 2 + 10) / 4,
    "edge_ratio": 32 / 5,
    "charges": 8.5,
    "charges_pct_of_gross": 100 * 8.5 / 38,
    "charges_pct_of_turnover": 100 * 8.5 / TURNOVER,
    "daily_charges": 8.5 / 8,
    "cost_drag": 100 * 8.5 / AVERAGE_EQUITY * 252 / 8,
    "turnover": TURNOVER,
    "daily_turnover": TURNOVER / 8,
    "turnover_ratio": TURNOVER / AVERAGE_EQUITY,
    "fills": 9.0,
    "fills_per_day": 9 / 8,
    "trades_per_day": 0.5,
    "signals": 12.0,
    "orders": 9.0,
    "rejected_orders": 3.0,
    "unsized_orders": 1.0,
}

ELSEWHERE = {
    *("total_return", "annual_return", "volatility", "downside_deviation", "sharpe", "ewm_sharpe", "sortino", "calmar", "omega", "rgr"),
    *("max_drawdown", "stability", "tail_ratio", "skew", "kurtosis", "value_at_risk", "conditional_value_at_risk"),
    *("alpha", "beta", "information_ratio", "up_capture", "down_capture"),
}
"""Tested against a reference."""

MakeRun = Callable[..., Run]
MakeRows = Callable[..., Rows]


@pytest.fixture
def run(make_run: MakeRun, bars_of: MakeRows, fills_of: MakeRows) -> Run:
    counters = Counters(decisions=40, signals=12, orders=9, unsized=1, denied={"cash": 1, "max_positions": 2})
    return make_run(EQUITY, fills=fills_of(*FILLS), bars=bars_of(PRICES, PRICES), counters=counters)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_worked_figure(name: str, run: Run) -> None:
    assert METRICS.get(name).compute(run) == pytest.approx(EXPECTED[name], rel=1e-9)


def test_no_metric_is_left_untested() -> None:
    assert EXPECTED.keys() | ELSEWHERE == set(METRICS.names())


def test_streaks_count_the_longest_run_and_breaking_even_ends_one(make_run: MakeRun, fills_of: MakeRows) -> None:
    prices = [10, 11, 10, 12, 10, 10, 10, 9, 10, 8, 10, 7, 10, 11]
    fills = fills_of(*((step, 1 if step % 2 == 0 else -1, price, 0.0) for step, price in enumerate(prices)))
    run = make_run([1000.0] * len(prices), fills=fills)
    assert METRICS.get("consecutive_wins").compute(run) == 2.0
    assert METRICS.get("consecutive_losses").compute(run) == 3.0


def degenerate(make_run: MakeRun, bars_of: MakeRows, fills_of: MakeRows) -> dict[str, Run]:
    one_trade = fills_of((0, 1, 100.0, 0.0), (1, -1, 110.0, 0.0))
    return {
        "nothing": make_run(),
        "one bar": make_run([1000.0], bars=bars_of([10.0])),
        "one day": make_run([1001.0, 1003.0], bars=bars_of([10.0, 11.0], step_ns=60_000_000_000), step_ns=60_000_000_000),
        "no trade": make_run([1000.0] * 5, bars=bars_of([10.0] * 5)),
        "the same return every day": make_run([1000.0 * 1.1**k for k in range(1, 6)], bars=bars_of([10.0] * 5)),
        "one trade": make_run([1000.0, 1010.0, 1010.0], fills=one_trade, bars=bars_of([100.0, 110.0, 110.0])),
        "a lost account": make_run([500.0, 0.0, -10.0, 20.0], bars=bars_of([10.0, 5.0, 4.0, 4.0])),
        "a benchmark that begins later": make_run([1001.0, 1003.0], benchmark=bars_of([5.0, 5.0, 6.0])[2:], bars=bars_of([5.0, 6.0])),
        "a benchmark without bars": make_run([1001.0, 1003.0], benchmark=bars_of([]), bars=bars_of([5.0, 6.0])),
    }


def test_too_little_gives_no_number_and_no_complaint(make_run: MakeRun, bars_of: MakeRows, fills_of: MakeRows) -> None:
    for what, run in degenerate(make_run, bars_of, fills_of).items():
        for name, metric in METRICS.items():
            value = metric.compute(run)
            assert isinstance(value, float), f"{name} of {what}"
            assert not math.isinf(value), f"{name} of {what}"


@pytest.mark.parametrize(
    ("what", "unknown", "known"),
    [
        ("nothing", {"net_profit", "total_return", "max_drawdown", "profitable_days", "exposure_time"}, {"trades", "charges"}),
        ("one bar", {"sharpe", "annual_return", "cagr", "volatility", "alpha", "win_rate"}, {"total_return", "best_day"}),
        ("one day", {"sharpe", "sortino", "calmar", "annual_return", "beta", "stability"}, {"total_return", "trading_days"}),
        ("no trade", {"sharpe", "sqn", "kelly", "profit_factor", "recovery_factor", "skew", "omega"}, {"volatility", "max_drawdown"}),
        ("the same return every day", {"sharpe", "ewm_sharpe", "rgr", "calmar", "beta", "skew"}, {"annual_return", "stability"}),
        ("one trade", {"sqn", "profit_factor", "p_value", "payoff_ratio"}, {"win_rate", "expectancy", "best_trade"}),
        ("a lost account", {"ewm_sharpe", "stability", "rgr"}, {"total_return", "max_drawdown"}),
        ("a benchmark without bars", {"alpha", "beta", "buy_and_hold"}, {"total_return"}),
    ],
)
def test_what_cannot_be_told_is_nan(
    what: str, unknown: set[str], known: set[str], make_run: MakeRun, bars_of: MakeRows, fills_of: MakeRows
) -> None:
    run = degenerate(make_run, bars_of, fills_of)[what]
    assert {name for name in unknown | known if math.isnan(METRICS.get(name).compute(run))} == unknown


def test_a_benchmark_is_bought_at_the_close_before(make_run: MakeRun, bars_of: MakeRows) -> None:
    bars = bars_of([50.0, 60.0, 66.0, 60.0])
    later = make_run([1000.0, 1000.0, 1000.0], benchmark=bars)
    assert METRICS.get("buy_and_hold").compute(later) == pytest.approx(100 * (66 / 50 - 1))
    bars["time_ns"] -= 86_400_000_000_000
    assert METRICS.get("buy_and_hold").compute(make_run([1000.0] * 3, benchmark=bars)) == pytest.approx(100 * (60 / 50 - 1))


def test_what_was_traded_is_held_in_equal_parts(make_run: MakeRun, bars_of: MakeRows) -> None:

    one, other = bars_of([10.0, 12.0]), bars_of([100.0, 100.0])
    other["instrument"] = 1
    bars = np.concatenate([one, other])
    assert METRICS.get("buy_and_hold").compute(make_run([1000.0, 1000.0], bars=bars)) == pytest.approx(10.0)


def test_metrics_are_found_by_name_and_a_wrong_one_says_which_was_meant() -> None:
    assert METRICS.get("sharpe").title == "Sharpe ratio"
    assert METRICS.get("sharpe").decimals == 2
    assert METRICS.get("max_drawdown").higher_is_better is False
    with pytest.raises(InvalidOption, match='Unknown metric "sharp"; did you mean "sharpe"'):
        METRICS.get("sharp")

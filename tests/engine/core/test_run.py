"""What metrics read: days are India's, the first return is from the capital, and nothing is made twice."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from engine.core.records import BAR, FILL
from engine.core.run import Run, days_of

HOUR = 3_600_000_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def run_of(equity: list[int], times: list[int], capital: int = 100) -> Run:
    return Run(
        np.array(equity, dtype=np.int64),
        np.array(times, dtype=np.int64),
        np.zeros(0, FILL),
        np.zeros(0, BAR),
        capital,
        np.ones(1, dtype=np.int64),
    )


def test_a_day_is_one_of_india() -> None:
    times = [at("2024-01-01T18:29:00"), at("2024-01-01T18:30:00"), at("2024-01-02T18:29:00"), at("2024-01-05T04:00:00")]
    days = days_of(np.array(times))
    assert days.last.tolist() == [0, 2, 3]
    assert np.diff(days.numbers).tolist() == [1, 3]


def test_daily_figures_begin_with_the_capital() -> None:
    run = run_of([90, 110, 121], [0, HOUR, 30 * HOUR])
    assert run.daily_equity.tolist() == [110, 121]
    assert run.daily_pnl.tolist() == [10, 11]
    assert run.daily_returns.tolist() == pytest.approx([0.1, 0.1])
    assert run.trades is run.trades
    assert len(run.open_trades) == 0


def test_days_of_the_caller_are_used() -> None:
    run = run_of([90, 110], [0, HOUR])
    shared = Run(run.equity, run.equity_ns, run.fills, run.bars, 100, run.multipliers, days=days_of(run.equity_ns))
    assert shared.trading_days is shared.days


def test_a_lost_account_has_no_return_and_an_empty_run_no_days() -> None:
    run = run_of([0, 5], [0, 30 * HOUR])
    assert run.daily_returns[0] == -1.0
    assert np.isnan(run.daily_returns[1])
    assert len(run_of([], []).daily_returns) == 0

"""Trades drawn again: the same by the same seed, and exact where it can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import InvalidOption
from engine.optimise import monte_carlo
from engine.optimise.monte_carlo import BOOTSTRAP, SHUFFLE, resample

PROFITS = np.array([50, -30, 20, -10, 40, -60], dtype=np.int64)


def test_shuffled_trades_end_where_they_always_did() -> None:
    made = resample(PROFITS, 1_000, method=SHUFFLE, draws=500)
    assert set(made.final_units.values()) == {1_010}
    # At best the losses of 100 come one by one between gains (60), at worst all in a row.
    assert 60 <= made.drawdown_units[0.05] <= made.drawdown_units[0.5] <= made.drawdown_units[0.95] <= 100


def test_the_worst_order_is_found() -> None:
    made = resample(np.array([10, -10], dtype=np.int64), 100, method=SHUFFLE, draws=400)
    assert set(made.drawdown_units.values()) == {10}
    assert made.drawdown_pct[0.05] == pytest.approx(100 * 10 / 110)
    assert made.drawdown_pct[0.95] == pytest.approx(10.0)


def test_the_bootstrap_ends_anywhere_between() -> None:
    made = resample(PROFITS, 1_000, method=BOOTSTRAP, draws=4_000)
    low, middle, high = (made.final_units[level] for level in (0.05, 0.5, 0.95))
    deviation = PROFITS.std() * np.sqrt(len(PROFITS))
    assert middle == pytest.approx(1_010, abs=10)
    assert low == pytest.approx(1_010 - 1.645 * deviation, abs=25)
    assert high == pytest.approx(1_010 + 1.645 * deviation, abs=25)


def test_a_seed_means_the_same_draws_and_parts_bound_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resample(PROFITS, 1_000, seed=4) == resample(PROFITS, 1_000, seed=4)
    assert resample(PROFITS, 1_000, seed=4) != resample(PROFITS, 1_000, seed=5)
    whole = resample(PROFITS, 1_000, draws=100, method=BOOTSTRAP)
    monkeypatch.setattr(monte_carlo, "AT_ONCE", 60)
    assert resample(PROFITS, 1_000, draws=100, method=BOOTSTRAP) == whole


def test_no_trade_changes_nothing() -> None:
    made = resample(PROFITS[:0], 1_000)
    assert (set(made.final_units.values()), set(made.drawdown_units.values())) == ({1_000}, {0})


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidOption, match='Expected "shuffle" or "bootstrap", was "coin"'):
        resample(PROFITS, 1_000, method="coin")
    with pytest.raises(InvalidOption, match="Expected at least one draw"):
        resample(PROFITS, 1_000, draws=0)

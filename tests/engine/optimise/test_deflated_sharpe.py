"""The paper's worked example, and figures that can be seen by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.optimise.deflated_sharpe import deflate, expected_maximum, independent_trials, probability, sharpe_of

YEARLY = 250
SHARPE = 2.5 / math.sqrt(YEARLY)
VARIANCE = 0.5 / YEARLY
"""Bailey and Lopez de Prado 2014, "A numerical example": an annual ratio of 2.5 over 1,250 days, trials' ratios varying by 1/2 a year."""


def test_the_example_of_the_paper() -> None:
    threshold = expected_maximum(VARIANCE, 100)
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    assert probability(SHARPE, threshold, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)


def test_the_paper_s_46_trials_and_88_with_normal_returns() -> None:
    assert probability(SHARPE, expected_maximum(VARIANCE, 46), 1250, -3.0, 10.0) == pytest.approx(0.9505, abs=5e-5)
    assert probability(SHARPE, expected_maximum(VARIANCE, 88), 1250, 0.0, 3.0) == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_is_not_luckier_than_itself() -> None:
    assert expected_maximum(VARIANCE, 1) == 0.0
    assert expected_maximum(0.0, 100) == 0.0


def test_without_days_or_with_impossible_moments_nothing_is_told() -> None:
    assert math.isnan(probability(1.0, 0.0, 1, 0.0, 3.0))
    assert math.isnan(probability(1.0, 0.0, 100, 5.0, 3.0))


def test_equal_trials_are_one_and_opposite_ones_are_all() -> None:
    day = np.array([1.0, -1.0, 2.0, 0.0])
    assert independent_trials(np.stack([day, 2 * day], axis=1), 50) == pytest.approx(1.0)
    assert independent_trials(np.stack([day, -day], axis=1), 50) == pytest.approx(50.0)
    assert independent_trials(day[:, None], 50) == 50.0


def test_half_correlated_trials_count_half() -> None:
    a, b = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    c = (a + math.sqrt(3) * b) / 2  # correlation 1/2 with a
    assert independent_trials(np.stack([a, c], axis=1), 9) == pytest.approx(0.5 + 0.5 * 9)


def test_ratios_by_column() -> None:
    returns = np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 2.0]])
    assert sharpe_of(returns)[:2].tolist() == [pytest.approx(2 / math.sqrt(2)), 0.0]
    assert math.isnan(sharpe_of(returns)[2])


def test_the_best_is_measured_against_the_luck_of_all() -> None:
    returns = np.random.default_rng(1).normal(0.0, 0.01, (250, 40))
    best = returns[:, sharpe_of(returns).argmax()]
    lucky = deflate(best, returns, 40)
    assert 0.05 < lucky.probability < 0.95
    assert lucky.trials == pytest.approx(40, rel=0.05)
    skilled = deflate(best + 0.004, returns, 40)
    assert skilled.probability > 0.99 > lucky.probability
    assert deflate(best, returns, 4_000).probability < lucky.probability


def test_a_combination_that_never_moved_tells_nothing() -> None:
    assert math.isnan(deflate(np.zeros(10), np.zeros((10, 3)), 3).probability)

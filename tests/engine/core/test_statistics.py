"""The arithmetic of metrics: exact where nothing varies, without a number where nothing can be told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from engine.core.records import BAR
from engine.core.statistics import annualised, downside, drawdowns_of, growth_of, longest_streak, mean, moment, ratio, spread, student_tail


def test_equal_values_do_not_spread() -> None:
    assert spread(np.full(7, 0.1)) == 0.0
    assert spread(np.array([1.0, 3.0])) == pytest.approx(math.sqrt(2))
    assert math.isnan(spread(np.array([1.0])))


def test_nothing_has_no_mean_and_no_moment() -> None:
    nothing = np.zeros(0)
    assert all(math.isnan(of(nothing)) for of in (mean, downside, lambda values: moment(values, 3)))
    assert math.isnan(ratio(1.0, 0.0))
    assert math.isnan(ratio(math.inf, 2.0))


def test_yearly_growth() -> None:
    assert annualised(1.21, 504) == pytest.approx(0.1)
    assert annualised(0.0, 10) == -1.0
    assert all(math.isnan(annualised(growth, days)) for growth, days in ((-0.1, 10), (1.1, 0), (1e9, 1), (math.nan, 5)))


def test_drawdowns_go_from_height_to_height() -> None:
    rows = drawdowns_of(np.array([10, 12, 9, 6, 12, 12, 11, 13, 12.5]))
    assert rows["start"].tolist() == [1, 5, 7]
    assert rows["trough"].tolist() == [3, 6, 8]
    assert rows["end"].tolist() == [4, 7, 8]
    assert rows["is_over"].tolist() == [1, 1, 0]
    assert rows["depth"].tolist() == pytest.approx([0.5, 1 / 12, 0.5 / 13])
    assert len(drawdowns_of(np.array([1, 2, 2, 3]))) == len(drawdowns_of(np.zeros(0))) == 0


def test_the_longest_streak() -> None:
    assert longest_streak(np.array([True, True, False, True, True, True])) == 3
    assert longest_streak(np.array([False])) == longest_streak(np.zeros(0, dtype=bool)) == 0


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 400, 20_000])
@pytest.mark.parametrize("t", [0.0, 0.01, 0.7, -1.96, 3.0, 12.0])
def test_the_tail_of_student(t: float, freedom: int) -> None:
    assert student_tail(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9, abs=1e-15)


def test_no_bars_grow_to_nothing() -> None:
    assert np.isnan(growth_of(np.zeros(0, BAR), np.array([1, 2]))).all()

"""Cross-validation worked by hand, and the two ends: pure luck and real skill."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.optimise import overfitting as cscv
from engine.optimise.overfitting import overfitting


def test_two_blocks_by_hand() -> None:
    """Two blocks of two days, three trials. The Sharpe ratio of days a, b is (a + b) / (sqrt(2) |a - b|).

    block 1:  A (3, 1): 4/2 = 2     B (2, 1): 3/1 = 3     C (1, 0): 1/1 = 1      (all times 1/sqrt(2))
    block 2:  A (1, 0): 1           B (0, -1): -1         C (2, 1): 3

    Chosen on block 1 wins B, which is last of three on block 2: rank 1, 1/(3+1), logit ln(1/3).
    Chosen on block 2 wins C, which is last of three on block 1: the same.
    """
    returns = np.array([[3.0, 2.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, -1.0, 1.0]])
    made = overfitting(returns, blocks=2)
    assert made.logits.tolist() == pytest.approx([math.log(1 / 3)] * 2)
    assert made.probability == 1.0


def test_four_blocks_by_hand() -> None:
    """Four blocks of two days, two trials; of each half the sum of the mean tells who is better, for all deviate alike.

    A earns 3 in blocks 1, 2 and 1 in blocks 3, 4; B always 2. Of the six halves, A wins with {1,2}, B with {3,4}, and the four mixed
    ones tie in mean, where A varies more, so B wins them, and wins out of sample, too: another mixed half.
    Chosen on {1,2}: A, on {3,4} last of two: rank 1 of 3, ln(1/2). Chosen on {3,4}: B, on {1,2} last: ln(1/2). The rest: ln(2).
    """
    swing = np.array([0.5, -0.5])
    returns = np.stack([np.concatenate([mean + swing for mean in (3, 3, 1, 1)]), np.tile(2 + swing, 4)], axis=1)
    made = overfitting(returns, blocks=4)
    assert sorted(made.logits.tolist()) == pytest.approx([math.log(0.5)] * 2 + [math.log(2.0)] * 4)
    assert made.probability == pytest.approx(1 / 3)


def test_ties_count_as_the_middle() -> None:
    same = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [5.0, 5.0]])
    made = overfitting(same, blocks=2)
    assert made.logits.tolist() == pytest.approx([0.0, 0.0])
    assert made.probability == 1.0


def test_luck_is_found_out_and_skill_is_believed() -> None:
    rng = np.random.default_rng(7)
    luck = rng.normal(0.0, 1.0, (320, 30))
    assert overfitting(luck).probability > 0.3
    luck[:, 4] += 0.5
    assert overfitting(luck).probability == 0.0


def test_all_halves_are_taken_however_they_are_cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = np.random.default_rng(3).normal(0.0, 1.0, (100, 5))
    whole = overfitting(returns, blocks=8).logits
    monkeypatch.setattr(cscv, "AT_ONCE", 7)
    assert len(whole) == 70
    assert sorted(overfitting(returns, blocks=8).logits.tolist()) == pytest.approx(sorted(whole.tolist()))


def test_trials_that_never_traded_are_neither_good_nor_bad() -> None:
    returns = np.zeros((4, 2))
    returns[:, 1] = [-1.0, -2.0, -1.0, -2.0]
    assert overfitting(returns, blocks=2).logits.tolist() == pytest.approx([math.log(2.0)] * 2)


@pytest.mark.parametrize("shape", [(3, 5), (100, 1)])
def test_too_little_tells_nothing(shape: tuple[int, int]) -> None:
    made = overfitting(np.ones(shape))
    assert math.isnan(made.probability)
    assert len(made.logits) == 0

"""How likely the best parameters of the past are below average tomorrow: the probability of backtest overfitting.

Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting" (2015): combinatorially symmetric cross-validation.
The days are cut into blocks; every half of the blocks chooses a winner, and the other half says where that winner ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

BLOCKS = 16
AT_ONCE = 256
"""Splits that are reckoned together; more would only take memory."""


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What the splits said."""

    probability: float
    """Share of the splits whose winner came out in the lower half; NaN = too few days or trials to tell."""
    logits: NDArray[np.float64]
    """Of the winner's rank out of sample, one a split: below 0 is the lower half."""


def overfitting(returns: NDArray[np.float64], blocks: int = BLOCKS) -> Overfitting:
    """Cross-validate returns, one row a period and one column a trial, by Sharpe ratio.

    `blocks` is even; fewer are taken when there are not two periods for each. Periods that do not fill the blocks are left out at
    the beginning.
    """
    periods, trials = returns.shape
    blocks = min(blocks, periods // 2) // 2 * 2
    if blocks < 2 or trials < 2:
        return Overfitting(math.nan, np.zeros(0))
    length = periods // blocks
    cut = returns[periods - length * blocks :].reshape(blocks, length, trials)
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    logits = np.concatenate([_logits(chosen, sums, squares, length) for chosen in _splits(blocks)])
    return Overfitting(float((logits <= 0.0).mean()), logits)


def _splits(blocks: int) -> Iterator[NDArray[np.float64]]:
    """Walk over all halves of the blocks, some at once, as rows of 0 and 1."""
    halves = combinations(range(blocks), blocks // 2)
    while part := list(islice(halves, AT_ONCE)):
        chosen = np.zeros((len(part), blocks))
        np.put_along_axis(chosen, np.array(part), 1.0, axis=1)
        yield chosen


def _logits(chosen: NDArray[np.float64], sums: NDArray[np.float64], squares: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    periods = length * len(sums) // 2
    inside = _sharpe(chosen @ sums, chosen @ squares, periods)
    outside = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, periods)
    winner = np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
    # Of equal ones the middle rank: a trial that ties with all others is neither good nor bad.
    rank = (outside < winner).sum(axis=1) + ((outside == winner).sum(axis=1) + 1.0) / 2.0
    share = rank / (outside.shape[1] + 1.0)
    return np.asarray(np.log(share / (1.0 - share)))


def _sharpe(sums: NDArray[np.float64], squares: NDArray[np.float64], periods: int) -> NDArray[np.float64]:
    """Return mean over sample deviation from sums; 0 where nothing moved."""
    means = sums / periods
    variance = (squares - sums * means) / (periods - 1)
    # What is left of the squares of equal numbers is rounding, not movement.
    is_moving = variance > 1e-12 * squares / periods
    made = np.zeros_like(means)
    np.divide(means, np.sqrt(np.where(is_moving, variance, 1.0)), out=made, where=is_moving)
    return made

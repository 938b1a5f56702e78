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
AT_ONCE = 64
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
    """Walk over the halves of the blocks that the first block is in, some at once, as rows of 0 and 1; the rest are their other halves."""
    halves = combinations(range(1, blocks), blocks // 2 - 1)
    while part := list(islice(halves, AT_ONCE)):
        chosen = np.zeros((len(part), blocks))
        chosen[:, 0] = 1.0
        np.put_along_axis(chosen, np.array(part, dtype=np.intp).reshape(len(part), -1), 1.0, axis=1)
        yield chosen


def _logits(chosen: NDArray[np.float64], sums: NDArray[np.float64], squares: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return the logits of these halves, then those of choosing on their other halves."""
    periods = length * len(sums) // 2
    one = _sharpe(chosen @ sums, chosen @ squares, periods)
    other = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, periods)
    return np.concatenate([_logits_of(one, other), _logits_of(other, one)])


def _logits_of(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the best inside ranks outside, of each row."""
    winner = np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
    # Of equal ones the middle rank: a trial that ties with all others is neither good nor bad.
    rank = (np.count_nonzero(outside < winner, axis=1) + np.count_nonzero(outside <= winner, axis=1) + 1.0) / 2.0
    share = rank / (outside.shape[1] + 1.0)
    return np.asarray(np.log(share / (1.0 - share)))


def _sharpe(sums: NDArray[np.float64], squares: NDArray[np.float64], periods: int) -> NDArray[np.float64]:
    """Return mean over sample deviation from sums; 0 where nothing moved."""
    means = sums / periods
    variance = (squares - sums * means) / (periods - 1)
    # What is left of the squares of equal numbers is rounding, not movement.
    is_still = variance <= squares * (1e-12 / periods)
    if is_still.any():
        variance[is_still], means[is_still] = 1.0, 0.0
    return np.asarray(means / np.sqrt(variance))

"""What the same trades could have looked like in another order, or drawn again: how deep the fall, how high the end.

Shuffling keeps every trade once and asks about the way; the bootstrap draws with replacement and asks about the end, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import InvalidOption

SHUFFLE, BOOTSTRAP = "shuffle", "bootstrap"
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
AT_ONCE = 1_000_000
"""Trades drawn at a time: memory stays the same however many draws are asked for."""


@dataclass(frozen=True, slots=True)
class Possibilities:
    """Quantiles over all draws, by level."""

    draws: int
    drawdown_units: dict[float, int]
    """Largest fall of equity from a peak, in money units; level 0.95 = only one draw in twenty fell deeper."""
    drawdown_pct: dict[float, float]
    """The same, in percent of that peak."""
    final_units: dict[float, int]
    """Equity at the end, in money units."""


def resample(
    profits: NDArray[np.int64], capital_units: int, *, method: str = BOOTSTRAP, draws: int = 1_000, seed: int = 0
) -> Possibilities:
    """Draw round trips (net profits in money units) again and again, and return what came of equity.

    The same seed gives the same figures. Raises InvalidOption for a method other than shuffle or bootstrap, or without a draw.
    """
    if method not in (SHUFFLE, BOOTSTRAP):
        raise InvalidOption(f'Expected "shuffle" or "bootstrap", was "{method}".')
    if draws < 1:
        raise InvalidOption(f"Expected at least one draw, was {draws}.")
    rng = np.random.default_rng(seed)
    falls, shares, ends = (np.empty(draws) for _ in range(3))
    part = max(1, AT_ONCE // max(1, len(profits)))
    for first in range(0, draws, part):
        count = min(part, draws - first)
        equity = capital_units + _draw(profits, count, method, rng).cumsum(axis=1)
        equity = np.concatenate([np.full((count, 1), capital_units), equity], axis=1)
        peaks = np.maximum.accumulate(equity, axis=1)
        fall = peaks - equity
        falls[first : first + count] = fall.max(axis=1)
        shares[first : first + count] = (100.0 * fall / np.maximum(peaks, 1)).max(axis=1)
        ends[first : first + count] = equity[:, -1]
    return Possibilities(draws, _whole(falls), {level: float(np.quantile(shares, level)) for level in LEVELS}, _whole(ends))


def _draw(profits: NDArray[np.int64], count: int, method: str, rng: np.random.Generator) -> NDArray[np.int64]:
    if method == BOOTSTRAP and len(profits):
        return rng.choice(profits, (count, len(profits)))
    return rng.permuted(np.tile(profits, (count, 1)), axis=1)


def _whole(drawn: NDArray[np.float64]) -> dict[float, int]:
    return {level: round(float(np.quantile(drawn, level))) for level in LEVELS}

"""The arithmetic that several metrics share: spread, growth by year, drawdowns, what holding would have come to.

All are plain NumPy over small arrays; what cannot be told is NaN, without a warning.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.frames import DAY_NS, IST_OFFSET_NS
from engine.core.records import Rows, record

DAYS_A_YEAR = 252
"""Trading days that a year is taken to have, wherever daily figures are annualised."""

CALENDAR_DAYS_A_YEAR = 365.25

DRAWDOWN = record(
    ("start", "i8"),  # index of the last highest equity before it
    ("trough", "i8"),  # index of the lowest point
    ("end", "i8"),  # index at which the height was reached again, else the last
    ("depth", "f8"),  # fraction of the height
    ("is_over", "i1"),
)

Numbers = NDArray[Any]


def ratio(number: float, by: float) -> float:
    """Divide; NaN by 0, and where either is not finite."""
    return number / by if by != 0.0 and math.isfinite(by) and math.isfinite(number) else math.nan


def mean(values: Numbers) -> float:
    """Return the average; NaN of nothing."""
    return float(np.mean(values)) if len(values) else math.nan


def largest(values: Numbers) -> float:
    """Return the largest; NaN of nothing."""
    return float(np.max(values)) if len(values) else math.nan


def smallest(values: Numbers) -> float:
    """Return the smallest; NaN of nothing."""
    return float(np.min(values)) if len(values) else math.nan


def spread(values: Numbers, ddof: int = 1) -> float:
    """Return the standard deviation, exactly 0 where all values are equal; NaN of too few."""
    if len(values) <= ddof:
        return math.nan
    # The float mean of equal values may differ from them in the last bit, and leave a spread of 1e-18 to divide by.
    return 0.0 if np.max(values) == np.min(values) else float(np.std(values, ddof=ddof))


def moment(values: Numbers, order: int) -> float:
    """Return the standardised central moment (3: skewness, 4: kurtosis), population form; NaN where nothing varies."""
    deviation = spread(values, ddof=0)
    return ratio(float(np.mean((values - np.mean(values)) ** order)), deviation**order) if len(values) else math.nan


def annualised(growth: float, days: float, days_a_year: float = DAYS_A_YEAR) -> float:
    """Return the yearly rate, as a fraction, that makes `growth` (final over first) in that many days; NaN for a lost account."""
    if not (days > 0 and growth >= 0.0):
        return math.nan
    if growth == 0.0:
        return -1.0
    exponent = math.log(growth) * days_a_year / days
    return math.expm1(exponent) if exponent < 700.0 else math.nan


def downside(returns: Numbers) -> float:
    """Return the root mean square of the losses, all days counted (Sortino and van der Meer 1991); NaN of nothing."""
    return float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))) if len(returns) else math.nan


def longest_streak(is_so: NDArray[np.bool_]) -> int:
    """Return how often in a row it was so, at most."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_so.astype(np.int8), [0]])))
    return int(np.max(edges[1::2] - edges[::2])) if len(edges) else 0


def drawdowns_of(curve: Numbers) -> Rows:
    """Return the DRAWDOWN rows of a curve, in order: each from a height until the curve is that high again."""
    if not len(curve):
        return np.zeros(0, DRAWDOWN)
    peak = np.maximum.accumulate(curve)
    is_under = np.concatenate([[False], curve < peak, [False]])
    edges = np.flatnonzero(np.diff(is_under.astype(np.int8)))
    first, after = edges[::2], edges[1::2]
    rows: Rows = np.zeros(len(first), DRAWDOWN)
    for row, begin, end in zip(rows, first.tolist(), after.tolist(), strict=True):
        row["start"], row["trough"] = begin - 1, begin + int(np.argmin(curve[begin:end]))
        row["end"], row["is_over"] = min(end, len(curve) - 1), end < len(curve)
        height = float(curve[begin - 1])
        row["depth"] = ratio(height - float(curve[row["trough"]]), height)
    return rows


def growth_of(bars: Rows, days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what 1 rupee, held in equal parts in the instruments of the bars, was worth at the end of each day (numbers since 1970).

    A part is bought at the last close before the first day, else at its first open, and is cash until then; NaN where no part has
    any price yet.
    """
    parts = [_growth(bars[bars["instrument"] == number], days) for number in np.unique(bars["instrument"])]
    if not parts:
        return np.full(len(days), np.nan)
    stacked = np.stack(parts)
    made: NDArray[np.float64] = np.mean(np.nan_to_num(stacked, nan=1.0), axis=0)
    made[np.isnan(stacked).all(axis=0)] = np.nan
    return made


def _growth(bars: Rows, days: NDArray[np.int64]) -> NDArray[np.float64]:
    numbers = (bars["time_ns"] + IST_OFFSET_NS) // DAY_NS
    until = np.searchsorted(numbers, days, side="right")
    before = int(np.searchsorted(numbers, days[0])) if len(days) else 0
    base = float(bars["close"][before - 1]) if before else float(bars["open"][0])
    made = np.full(len(days), np.nan)
    made[until > 0] = bars["close"][until[until > 0] - 1] / base
    return made


def student_tail(t: float, freedom: int) -> float:
    """Return how likely a Student t of so many degrees of freedom is at least as far from 0, on both sides.

    It is the regularised incomplete beta function of freedom / (freedom + t^2) at (freedom / 2, 1 / 2), by its continued fraction
    (Abramowitz and Stegun 26.7.1 and 26.5.8).
    """
    x, a, b = freedom / (freedom + t * t), freedom / 2.0, 0.5
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction from its far end, where further terms change nothing."""
    value = 1.0
    for m in range(200, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        value = 1.0 + odd / (1.0 + even / value)
    return 1.0 / value

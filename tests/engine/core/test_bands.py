"""Circuit bands: where they lie, from when on they hold, and where there are none."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from engine.core.bands import band_limits, check_band
from engine.core.errors import InvalidOption
from engine.core.records import BAR, Rows

DAY = 86_400_000_000_000
NONE = [-math.inf, math.inf]


def days(*closes: float, instrument: int = 0) -> Rows:
    """Make two bars a day, from 1 January 1970 on, the second with that close."""
    rows: Rows = np.zeros(2 * len(closes), BAR)
    at = np.arange(len(rows))
    rows["time_ns"] = at // 2 * DAY + 4 * 3600 * 10**9 + at % 2 * 60 * 10**9
    rows["close"] = np.repeat(closes, 2) + np.where(at % 2 == 0, 1.0, 0.0)
    rows["instrument"] = instrument
    return rows


def test_the_limits_are_a_percentage_of_the_close_before_and_lie_inside_it_on_the_grid() -> None:
    limits = band_limits(days(100.0, 82.35, 90.0), [0.05], [20.0])
    assert limits.tolist() == [NONE, NONE, [80.0, 120.0], [80.0, 120.0], [65.9, 98.8], [65.9, 98.8]]


def test_a_band_may_change_on_a_day_and_each_instrument_has_its_own() -> None:
    rows = np.concatenate([days(100.0, 100.0, 100.0), days(50.0, 50.0, 50.0, instrument=1), days(9.0, 9.0, 9.0, instrument=2)])
    rows = rows[np.lexsort((rows["instrument"], rows["time_ns"]))]
    limits = band_limits(rows, [0.05, 0.05, 0.05], [{date(1970, 1, 2): 10.0, date(1970, 1, 3): 5.0}, {date(1970, 1, 3): 20.0}, 0.0])
    assert limits[rows["instrument"] == 0][::2].tolist() == [NONE, [90.0, 110.0], [95.0, 105.0]]
    assert limits[rows["instrument"] == 1][::2].tolist() == [NONE, NONE, [40.0, 60.0]]
    assert limits[rows["instrument"] == 2].tolist() == [NONE] * 6


def test_an_instrument_without_bars_has_no_limits() -> None:
    assert band_limits(days(100.0)[:0], [0.05], [20.0]).shape == (0, 2)


@pytest.mark.parametrize("band", [-1.0, 100.0, math.nan, {date(2024, 1, 1): 120.0}])
def test_a_band_out_of_range_is_refused(band: float) -> None:
    with pytest.raises(InvalidOption, match="Expected the band of NSE:X to be from 0 to less than 100 %"):
        check_band(band, "NSE:X")
    check_band(20.0, "NSE:X")

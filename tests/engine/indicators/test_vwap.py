"""The day's average price and its band, worked by hand; it begins anew each day."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.indicators import vwap

MINUTE = 60_000_000_000
OPEN = (9 * 60 + 15 - 330) * MINUTE


def test_it_weighs_prices_by_volume_and_begins_anew_each_day() -> None:
    state = np.zeros(1, vwap.STATE)[0]
    assert vwap.update(state, OPEN, 101.0, 99.0, 100.0, 0.0, 2.0) == 100.0
    assert (state.deviation, state.upper, state.lower) == (0.0, 100.0, 100.0)
    assert vwap.update(state, OPEN + MINUTE, 104.0, 100.0, 102.0, 300.0, 2.0) == pytest.approx(102.0)
    assert vwap.update(state, OPEN + 2 * MINUTE, 107.0, 105.0, 106.0, 100.0, 2.0) == pytest.approx(103.0)
    # Of 400 units 300 lie one rupee below the average and 100 three above: the mean square is (300 * 1 + 100 * 9) / 400 = 3.
    assert state.deviation == pytest.approx(math.sqrt(3.0))
    assert (state.upper, state.lower) == (pytest.approx(103.0 + 2.0 * math.sqrt(3.0)), pytest.approx(103.0 - 2.0 * math.sqrt(3.0)))
    assert vwap.update(state, OPEN + 1440 * MINUTE, 51.0, 49.0, 50.0, 10.0, 2.0) == pytest.approx(50.0)
    assert state.deviation == 0.0

"""An indicator over many bars at once gives to the last bit what it gives bar by bar, in however many pieces the bars come."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import InvalidOption
from engine.core.records import BAR, Rows
from engine.core.registry import INDICATORS
from engine.core.series import loop_over, parse_values, series


def walk(count: int) -> Rows:
    rng = np.random.default_rng(4)
    rows: Rows = np.zeros(count, BAR)
    rows["time_ns"] = np.arange(count) * 60_000_000_000
    rows["close"] = 100.0 + np.cumsum(rng.standard_normal(count))
    rows["open"], rows["volume"] = rows["close"] - 0.5, rng.integers(0, 9, count)
    rows["high"], rows["low"] = rows["close"] + 1.0, rows["close"] - 1.5
    return rows


@pytest.mark.parametrize("name", INDICATORS.names())
def test_it_equals_one_bar_at_a_time(name: str) -> None:
    indicator, bars = INDICATORS.get(name), walk(150)
    values = parse_values(indicator, {})
    code = indicator.update.py_func.__code__  # type: ignore[attr-defined]
    fields = code.co_varnames[1 : code.co_argcount - len(values)]
    state, expected = indicator.new_state(), []
    for bar in bars:
        indicator.update(state, *(bar[field].item() for field in fields), *values.tolist())
        expected.append([float(state[output]) for output in indicator.outputs])
    for is_compiled in (False, True):
        if is_compiled:
            loop_over(indicator).compile()
        states = np.zeros(1, indicator.state)
        made = np.concatenate([series(indicator, states, piece, values) for piece in np.split(bars, [1, 40, 41, 41])])
        np.testing.assert_array_equal(made, expected)


def test_parameters_are_checked_and_defaults_filled_in() -> None:
    bollinger = INDICATORS.get("bollinger")
    assert parse_values(bollinger, {"period": 5}).tolist() == [5.0, 2.0]
    with pytest.raises(InvalidOption, match='Unknown parameter "lenght" of bollinger'):
        parse_values(bollinger, {"lenght": 5})
    with pytest.raises(InvalidOption, match="Expected period from 2"):
        parse_values(bollinger, {"period": 1})

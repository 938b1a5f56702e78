"""Every indicator equals TA-Lib to a billionth once the seed has died out, compiled and uncompiled; supertrend is worked by hand."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from engine.core.records import BAR, Rows
from engine.core.registry import INDICATORS, Indicator
from engine.indicators import atr, rsi, sma, stddev, supertrend

PERIODS_TO_FORGET = 20


def run(indicator: Indicator, bars: Rows, *parameters: float, update: Callable[..., float] | None = None) -> dict[str, NDArray[np.float64]]:
    """Drive an indicator over bars as a chart does; returns its outputs and, as "returned", what `update` returned."""
    update = update or indicator.update
    inputs = [bars[name].tolist() for name in inputs_of(indicator)]
    state = indicator.new_state()
    out: dict[str, list[float]] = {name: [] for name in ("returned", *indicator.outputs)}
    for values in zip(*inputs, strict=True):
        out["returned"].append(update(state, *values, *parameters))
        for name in indicator.outputs:
            out[name].append(float(state[name]))
    return {name: np.array(values) for name, values in out.items()}


def inputs_of(indicator: Indicator) -> list[str]:
    names = list(inspect.signature(indicator.update.py_func).parameters)[1:]  # type: ignore[attr-defined]
    return names[: len(names) - len(indicator.parameters)]


def defaults(indicator: Indicator) -> list[float]:
    return [parameter.default for parameter in indicator.parameters]


REFERENCES: dict[str, tuple[int, Callable[[Rows], tuple[NDArray[Any], ...]], tuple[str, ...]]] = {
    "ema": (20 * PERIODS_TO_FORGET, lambda x: (talib.EMA(x["close"].copy(), 20),), ("value",)),
    "sma": (19, lambda x: (talib.SMA(x["close"].copy(), 20),), ("value",)),
    "stddev": (19, lambda x: (talib.STDDEV(x["close"].copy(), 20, 1.0),), ("value",)),
    "bollinger": (19, lambda x: talib.BBANDS(x["close"].copy(), 20, 2.0, 2.0), ("upper", "value", "lower")),
    "rsi": (14, lambda x: (talib.RSI(x["close"].copy(), 14),), ("value",)),
    "donchian": (19, lambda x: (talib.MAX(x["high"].copy(), 20), talib.MIN(x["low"].copy(), 20)), ("upper", "lower")),
    "momentum": (60, lambda x: (talib.ROCP(x["close"].copy(), 60),), ("value",)),
    "atr": (14, lambda x: (talib.ATR(x["high"].copy(), x["low"].copy(), x["close"].copy(), 14),), ("value",)),
    "macd": (26 * PERIODS_TO_FORGET, lambda x: talib.MACD(x["close"].copy(), 12, 26, 9), ("value", "signal", "histogram")),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_it_equals_ta_lib(name: str, bars: Rows) -> None:
    since, reference, outputs = REFERENCES[name]
    indicator = INDICATORS.get(name)
    made = run(indicator, bars, *defaults(indicator))
    assert len(made["value"][since:]) > 3000
    for output, expected in zip(outputs, reference(bars), strict=True):
        assert not np.isnan(made[output][since:]).any()
        assert_allclose(made[output][since:], expected[since:], rtol=0, atol=1e-9, err_msg=output)


@pytest.mark.parametrize("name", INDICATORS.names())
def test_machine_code_gives_the_same_to_the_last_bit(name: str, bars: Rows) -> None:
    indicator = INDICATORS.get(name)
    update = indicator.update
    plain = run(indicator, bars[:600], *defaults(indicator), update=update.py_func)  # type: ignore[attr-defined]
    fast = run(indicator, bars[:600], *defaults(indicator), update=update.compile())  # type: ignore[attr-defined]
    for output in plain:
        assert_array_equal(plain[output], fast[output], err_msg=output)


@pytest.mark.parametrize("name", INDICATORS.names())
def test_a_chart_can_drive_it_by_its_signature_alone(name: str, bars: Rows) -> None:
    indicator = INDICATORS.get(name)
    assert set(inputs_of(indicator)) <= set(BAR.names or ())
    assert set(indicator.outputs) <= set(indicator.state.names or ())
    made = run(indicator, bars[:700], *defaults(indicator))
    assert_array_equal(made["returned"], made["value"])
    assert np.isfinite(made["value"][-1])


@pytest.mark.parametrize(("name", "ready"), [("sma", 19), ("stddev", 19), ("bollinger", 19), ("rsi", 14), ("atr", 14), ("supertrend", 10)])
def test_it_is_not_a_number_until_there_were_enough_bars(name: str, ready: int, bars: Rows) -> None:
    indicator = INDICATORS.get(name)
    value = run(indicator, bars[:60], *defaults(indicator))["value"]
    assert np.flatnonzero(np.isfinite(value))[0] == ready


def test_an_average_begins_with_the_first_close() -> None:
    indicator = INDICATORS.get("ema")
    bars = np.zeros(3, BAR)
    bars["close"] = [100.0, 110.0, 90.0]
    assert run(indicator, bars, 3.0)["value"].tolist() == [100.0, 105.0, 97.5]


def test_deviation_does_not_drown_in_the_size_of_prices() -> None:
    rng = np.random.default_rng(1)
    closes = 1_000_000.0 + np.round(rng.standard_normal(2000), 2)
    state = np.zeros(1, stddev.STATE)[0]
    made = [stddev.update(state, close, 20.0) for close in closes.tolist()]
    exact = [np.std(closes[i - 19 : i + 1] - 1_000_000.0) for i in range(19, 2000)]
    assert_allclose(made[19:], exact, atol=1e-9)


def test_a_mean_stays_exact_over_many_turns_of_its_window() -> None:
    closes = np.tile([100.05, 250.1, 99.95, 1e5], 3000)
    state = np.zeros(1, sma.STATE)[0]
    made = [sma.update(state, close, 4.0) for close in closes.tolist()]
    assert_allclose(made[3:], closes[:4].mean(), rtol=1e-14)


def test_strength_is_neither_high_nor_low_where_nothing_moves() -> None:
    state = np.zeros(1, rsi.STATE)[0]
    assert [rsi.update(state, 100.0, 2.0) for _ in range(4)][2:] == [50.0, 50.0]


def test_the_range_counts_the_gap_from_the_last_close() -> None:
    state = np.zeros(1, atr.STATE)[0]
    assert math.isnan(atr.update(state, 11.0, 9.0, 10.0, 2.0))
    assert math.isnan(atr.update(state, 15.0, 14.0, 14.5, 2.0))  # 15 - 10 = 5
    assert atr.update(state, 14.0, 12.0, 13.0, 2.0) == 3.75  # 14.5 - 12 = 2.5; (5 + 2.5) / 2
    assert atr.update(state, 14.0, 13.0, 13.5, 2.0) == 2.375  # (3.75 + 1) / 2


def test_supertrend_worked_by_hand() -> None:
    # ATR of period 1 is the true range itself, so every figure can be reckoned in the head.
    bars = [
        # high, low, close -> direction, line
        (102.0, 98.0, 100.0, 0.0, math.nan),  # no bar before: no range
        (104.0, 100.0, 103.0, 1.0, 98.0),  # range 4, middle 102: bands 106 and 98; begins as a rise
        (108.0, 104.0, 107.0, 1.0, 101.0),  # range 5, middle 106: lower 101 > 98
        (107.0, 103.0, 104.0, 1.0, 101.0),  # range 4, middle 105: lower 101, not above 101
        (104.0, 100.0, 100.5, -1.0, 106.0),  # range 4, middle 102: close below 101 turns it; upper 106, was 109
        (101.0, 99.0, 100.0, -1.0, 102.0),  # range 2, middle 100: upper 102 < 106
        (103.0, 100.0, 102.5, 1.0, 98.5),  # range 3, middle 101.5: upper stays 102, close above turns it; lower 98.5
        (103.0, 102.0, 102.5, 1.0, 101.5),  # range 1, middle 102.5: lower rises to 101.5
    ]
    state = np.zeros(1, supertrend.STATE)[0]
    for high, low, close, direction, line in bars:
        np.testing.assert_equal(supertrend.update(state, high, low, close, 1.0, 1.0), line)
        assert state.direction == direction

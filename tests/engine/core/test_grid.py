from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compiled import is_disabled
from engine.core.grid import against, is_on_tick, price_units, to_tick
from engine.core.model import to_units

TICKS = st.sampled_from([0.0025, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0])


@pytest.mark.parametrize(
    ("price", "tick", "nearest"),
    [
        (100.02, 0.05, 100.0),
        (100.03, 0.05, 100.05),
        (100.025, 0.05, 100.05),
        (2.675, 0.01, 2.68),
        (83.12374, 0.0025, 83.1225),
        (1234.5678, 0.05, 1234.55),
        (-12.34, 0.05, -12.35),
        (0.0, 0.05, 0.0),
    ],
)
def test_the_nearest_tick_reads_like_its_decimal_text(price: float, tick: float, nearest: float) -> None:
    assert to_tick(price, tick) == nearest


def test_no_price_stays_no_price() -> None:
    assert math.isnan(to_tick(math.nan, 0.05))
    assert to_tick(math.inf, 0.05) == math.inf


def test_without_a_tick_the_price_is_left_alone() -> None:
    assert to_tick(1.23456, 0.0) == 1.23456
    assert to_tick(1.23456, -0.05) == 1.23456


@settings(deadline=None, max_examples=200)
@given(count=st.integers(1, 2_000_000), tick=TICKS, noise=st.floats(-0.49, 0.49))
def test_whatever_is_near_a_tick_goes_to_that_tick(count: int, tick: float, noise: float) -> None:
    wanted = float(Decimal(str(tick)) * count)
    assert to_tick(wanted + noise * tick, tick) == wanted
    assert to_tick(to_tick(wanted, tick), tick) == wanted


def test_on_the_grid_or_off_it() -> None:
    assert is_on_tick(0.1 + 0.2, 0.05)
    assert is_on_tick(1344.2, 0.1)
    assert not is_on_tick(1344.25, 0.1)
    assert not is_on_tick(100.0499, 0.05)
    assert not is_on_tick(math.nan, 0.05)


@settings(deadline=None, max_examples=200)
@given(units=st.integers(-10_000_000_000, 10_000_000_000))
def test_units_of_a_price_are_exact(units: int) -> None:
    price = units / 10_000
    assert price_units(price) == units == to_units(price)


@pytest.mark.skipif(is_disabled(), reason="machine code is switched off")
def test_machine_code_gives_the_same() -> None:
    for price in (100.025, 1234.5678, -12.34, math.inf):
        assert to_tick.dispatcher(price, 0.05) == to_tick.py_func(price, 0.05)
        assert is_on_tick.dispatcher(price, 0.05) == is_on_tick.py_func(price, 0.05)
    assert math.isnan(to_tick.dispatcher(math.nan, 0.05))
    assert price_units.dispatcher(83.1225) == 831225


@pytest.mark.parametrize(
    ("price", "tick", "side", "put"),
    [
        (100.01, 0.05, 1, 100.05),
        (100.01, 0.05, -1, 100.0),
        (100.05, 0.05, 1, 100.05),
        (100.05, 0.05, -1, 100.05),
        (0.3, 0.1, 1, 0.3),
        (0.02, 0.05, -1, 0.05),
        (100.013, 0.0, 1, 100.013),
        (math.inf, 0.05, 1, math.inf),
    ],
)
def test_a_price_is_put_on_the_grid_against_who_trades(price: float, tick: float, side: int, put: float) -> None:
    assert against(price, tick, side) == against.py_func(price, tick, side) == put

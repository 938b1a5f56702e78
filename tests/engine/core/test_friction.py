"""Slippage, spread, volume and latency: what may be given, and what a taker pays, worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidOption
from engine.core.friction import UNLIMITED, Friction, taker_price, tradable
from engine.core.grid import is_on_tick


def test_without_anything_given_nothing_stands_in_the_way() -> None:
    assert Friction().is_none
    assert Friction().row()[0].item() == (0.0, 0, 0.0, 0)
    row = Friction(slippage_bps=2.0, half_spread_bps=1.5, slippage_ticks=1, participation=0.1, latency_bars=3).row()[0]
    assert row.item() == (3.5, 1, 0.1, 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"slippage_bps": -1.0}, "slippage_bps to be a number from 0 to 5000 bps, was -1.0"),
        ({"slippage_ticks": 1.5}, "slippage_ticks to be a whole number from 0 to 10000 ticks, was 1.5"),
        ({"half_spread_bps": math.nan}, "half_spread_bps"),
        ({"participation": 1.01}, "participation to be a number from 0 to 1 of a bar's volume, was 1.01"),
        ({"latency_bars": "2"}, "latency_bars to be a whole number"),
        ({"latency_bars": True}, "latency_bars"),
    ],
)
def test_what_makes_no_sense_is_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        Friction(**given)


@pytest.mark.parametrize(
    ("friction", "side", "price", "paid"),
    [
        (Friction(), 1, 100.03, 100.03),  # nothing given: the very price, though it is off the grid
        (Friction(slippage_bps=5.0), 1, 1000.0, 1000.5),
        (Friction(slippage_bps=5.0), -1, 1000.0, 999.5),
        (Friction(slippage_bps=5.0), 1, 100.0, 100.05),
        (Friction(slippage_bps=1.0), 1, 100.0, 100.05),  # a paisa off: the next tick up for who buys
        (Friction(slippage_bps=1.0), -1, 100.0, 99.95),
        (Friction(slippage_ticks=2), 1, 100.0, 100.10),
        (Friction(slippage_ticks=2), -1, 100.0, 99.90),
        (Friction(slippage_bps=3.0, half_spread_bps=2.0, slippage_ticks=1), 1, 1000.0, 1000.55),
        (Friction(slippage_ticks=5), -1, 0.10, 0.05),  # a seller gets one tick at least
    ],
)
def test_a_taker_pays_slippage_and_half_the_spread(friction: Friction, side: int, price: float, paid: float) -> None:
    assert taker_price(price, side, 0.05, friction.row()[0]) == paid


@settings(deadline=None, max_examples=100)
@given(
    ticks=st.integers(1, 10**6),
    tick=st.sampled_from([0.01, 0.05, 0.1, 1.0]),
    side=st.sampled_from([-1, 1]),
    bps=st.floats(0.0, 100.0),
    more=st.integers(0, 5),
)
def test_a_taker_never_does_better_and_stays_on_the_grid(ticks: int, tick: float, side: int, bps: float, more: int) -> None:
    row = Friction(slippage_bps=bps, slippage_ticks=more).row()[0]
    price = round(ticks * tick, 2)
    paid = taker_price.compile()(price, side, tick, row)
    assert paid == taker_price.py_func(price, side, tick, row)
    assert is_on_tick(paid, tick)
    assert (paid - price) * side >= 0.0 or paid == tick
    assert abs(paid - price) < price * bps / 10_000.0 + (more + 1) * tick + 1e-6


@pytest.mark.parametrize(
    ("volume", "lot", "share", "most"),
    [
        (1000.0, 1, 0.0, UNLIMITED),
        (1000.0, 1, 0.1, 100),
        (1009.0, 1, 0.1, 100),
        (1000.0, 75, 0.2, 150),
        (0.0, 1, 1.0, 0),
        (-5.0, 1, 1.0, 0),
    ],
)
def test_a_share_of_the_volume_in_whole_lots_may_be_traded(volume: float, lot: int, share: float, most: int) -> None:
    row = np.array(Friction(participation=share).row())[0]
    assert tradable(volume, lot, row) == most

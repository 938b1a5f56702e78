"""Each field of an order at both ends of what it may hold: what can be reckoned with, and what an exchange takes."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.core.facts import Facts
from engine.core.model import OrderType, Purpose
from engine.rules.sound_order import is_price, is_whole, unsound
from engine.rules.tick_and_lot import fault
from tests.engine.fakes import RELIANCE, request

MOST = 10_000_000_000


@pytest.mark.parametrize("quantity", [1, 2, MOST - 1, np.int64(1), np.int64(MOST - 1)])
def test_whole_quantities_are_sound_up_to_ten_thousand_million(quantity: Any) -> None:
    assert is_whole(quantity)
    assert unsound(replace(request(), quantity=quantity)) == ""


@pytest.mark.parametrize("quantity", [0, -1, MOST, MOST + 1, np.int64(0), np.int64(MOST), np.int64(-3), True, np.bool_(True), 1.0, None])
def test_other_quantities_are_not(quantity: Any) -> None:
    assert not is_whole(quantity)
    assert unsound(replace(request(), quantity=quantity)).startswith("a whole quantity above 0, was ")


@pytest.mark.parametrize("price", [0.01, 0.5, 1, 2, 100, 1e9, float(MOST) - 1.0, MOST - 1, np.float64(0.5)])
def test_prices_are_sound_up_to_ten_thousand_million(price: Any) -> None:
    assert is_price(price)
    assert unsound(replace(request(), price=price, stop=price, trail=price)) == ""


@pytest.mark.parametrize("price", [0, 0.0, -1, -0.5, MOST, float(MOST), 2.0 * MOST, True, "1", np.float64(0.0), np.float64(MOST), None])
def test_other_prices_are_not(price: Any) -> None:
    assert not is_price(price)


@pytest.mark.parametrize(
    ("protection", "is_sound"), [(0.01, True), (1, True), (100.0, True), (100.01, False), (200.0, False), (0.0, False), (-1.0, False)]
)
def test_a_protection_is_a_part_of_the_price(protection: float, is_sound: bool) -> None:
    said = unsound(replace(request(), market_protection=protection))
    assert (said == "") is is_sound
    assert is_sound or said == f"a market protection above 0 and up to 100 %, was {protection!r}; leave it out for the usual one."


@pytest.mark.parametrize("field", ["lot_size", "multiplier"])
def test_an_instrument_is_traded_in_lots_of_one_at_least(field: str) -> None:
    for value, is_sound in ((1, True), (0, False), (-1, False), (75, True)):
        assert (unsound(request(instrument=replace(RELIANCE, **{field: value}))) == "") is is_sound
    assert unsound(request(instrument=replace(RELIANCE, tick_size=Decimal("-0.05"))))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quantity": 10**12}, "was a number beyond all measure;"),
        ({"quantity": -(10**12)}, "was a number beyond all measure;"),
        ({"quantity": MOST}, "was a number beyond all measure;"),
        ({"quantity": -7}, "was -7;"),
        ({"quantity": 2.5}, "was 2.5;"),
        ({"quantity": True}, "was True;"),
        ({"quantity": None}, "was None;"),
        ({"quantity": "x" * 90}, f"was '{'x' * 39};"),
        ({"quantity": [10]}, "was list;"),
        ({"price": -0.05}, "prices above 0, was -0.05; change it."),
        ({"side": 1}, "was 1 and OrderType;"),
        ({"owner": 7}, "the name of an owner, was 7; change it."),
        ({"variety": "amo"}, "a known variety, was 'amo'; change it."),
    ],
)
def test_what_is_wrong_in_an_order_is_shown_short(changes: dict[str, Any], says: str) -> None:
    assert says in unsound(replace(request(), **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stop": -1.0}, "a stop above 0, was -1.0; change it."),
        ({"target": -1.0}, "a target above 0, was -1.0; change it."),
        ({"target": 101.01}, "a target in steps of 0.05, was 101.01; change it."),
        ({"trigger_price": -1.0, "reference_price": 100.0, "price": 100.0}, "a trigger price above 0, was -1.0; change it."),
        ({"trigger_price": 100.01}, "a trigger price in steps of 0.05, was 100.01; change it."),
        ({"trail": -0.5}, "a trailing distance above 0, was -0.5; change it."),
        ({"trail": math.inf}, "a trailing distance above 0, was inf; change it."),
        ({"order_type": OrderType.SL, "trigger_price": 99.0}, "a price for a SL order, was none; give one."),
        ({"quantity": 2, "instrument": replace(RELIANCE, freeze_quantity=1)}, "at most 1 in one order (freeze quantity), was 2; split it."),
        ({"quantity": np.bool_(True)}, "a quantity in whole lots of 1, was True; change the quantity."),
        ({"quantity": np.int64(0)}, "a quantity in whole lots of 1, was 0; change the quantity."),
        ({"quantity": 11, "instrument": replace(RELIANCE, lot_size=10)}, "a quantity in whole lots of 10, was 11; change the quantity."),
    ],
)
def test_an_order_that_no_exchange_takes_is_told_what_it_lacks(changes: dict[str, Any], says: str) -> None:
    assert fault(Facts(replace(request(), **changes))) == says


@pytest.mark.parametrize(
    ("quantity", "lot", "freeze", "is_sliced"),
    [(1, 1, 0, False), (1, 1, 1, False), (10, 1, 1, True), (30, 10, 0, False), (10, 10, 0, False), (1_800, 1, 1_800, False)],
)
def test_whole_lots_up_to_the_freeze_quantity_pass(quantity: int, lot: int, freeze: int, is_sliced: bool) -> None:
    instrument = replace(RELIANCE, lot_size=lot, freeze_quantity=freeze)
    assert fault(Facts(request(1, quantity, instrument=instrument, is_sliced=is_sliced))) == ""


@pytest.mark.parametrize(
    ("held", "entering", "after"), [(80, 10, None), (80, 11, 101), (100, -10, None), (-95, -15, None), (-100, -11, 101), (0, 300, 310)]
)
def test_what_is_on_its_way_counts_in_what_one_order_can_close(held: int, entering: int, after: int | None) -> None:
    frozen = replace(RELIANCE, freeze_quantity=10)
    said = fault(Facts(request(1, 10, instrument=frozen), held=held, entering=entering))
    assert said == ("" if after is None else f"a position of at most 100, which one sliced order can close, was {after}; want less.")
    assert fault(Facts(request(-1, 10, instrument=frozen, purpose=Purpose.EXIT), held=held, entering=entering)) == ""
    assert fault(Facts(request(1, 10), held=held, entering=entering)) == "", "no freeze quantity, no such bound"

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.base import numbers

OPEN_NS = 1_762_141_500_000_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1_000, "1,000"), (100_000, "1,00,000"), (12_345_678, "1,23,45,678"), (-1_00_000, "−1,00,000")],
)
def test_whole_numbers_are_grouped_in_lakhs_and_crores(value: int, text: str) -> None:
    assert numbers.grouped(value) == text


@given(st.integers(-(10**15), 10**15))
def test_a_grouped_number_reads_back_as_itself(value: int) -> None:
    assert int(numbers.grouped(value).replace(",", "").replace("−", "-")) == value


def test_decimals_round_and_never_show_a_negative_nothing() -> None:
    assert numbers.decimal(123_456.789) == "1,23,456.79"
    assert numbers.decimal(-0.001) == "0.00"
    assert numbers.decimal(-1.005, 1) == "−1.0"
    assert numbers.decimal(float("nan")) == numbers.NONE
    assert numbers.decimal(float("inf")) == numbers.NONE
    assert numbers.decimal(5.0, 0) == "5"


def test_a_price_that_is_not_known_is_a_dash_not_a_nought() -> None:
    assert numbers.price(None) == numbers.price(0.0) == numbers.price(float("nan")) == numbers.NONE
    assert numbers.price(1_482.5) == "1,482.50"


def test_gains_and_losses_carry_their_sign() -> None:
    assert numbers.signed(1.25) == "+1.25"
    assert numbers.signed(-0.4) == "−0.40"
    assert numbers.signed(0.0) == "0.00"
    assert numbers.signed(0.001) == "0.00"
    assert numbers.percent(-1.5) == "−1.50%"
    assert numbers.percent(float("nan")) == numbers.NONE
    assert [numbers.arrow(value) for value in (1.0, -1.0, 0.0)] == ["▲", "▼", ""]


def test_money_is_rounded_half_up_from_units_without_a_float() -> None:
    assert numbers.money(12_345) == "1.23"
    assert numbers.money(12_350) == "1.24"
    assert numbers.money(-12_350) == "−1.24"
    assert numbers.money(-1) == "0.00"
    assert numbers.money(1_23_456_00_00) == "1,23,456.00"
    assert numbers.money(15_000, 0) == "2"
    assert numbers.signed_money(12_300) == "+1.23"
    assert numbers.signed_money(-12_300) == "−1.23"
    assert numbers.signed_money(10) == "0.00"


def test_large_amounts_are_short() -> None:
    assert numbers.compact(98_450) == "98,450"
    assert numbers.compact(12_40_000) == "12.40 L"
    assert numbers.compact(3_15_00_000) == "3.15 Cr"
    assert numbers.compact(0) == numbers.compact(float("nan")) == numbers.NONE


def test_times_are_those_of_the_exchange() -> None:
    assert numbers.clock(OPEN_NS) == "09:15:00"
    assert numbers.day(OPEN_NS) == "3 Nov 2025"
    assert numbers.day_clock(OPEN_NS) == "03 Nov 09:15:00"
    assert numbers.clock(0) == numbers.day(0) == numbers.day_clock(0) == numbers.NONE


def test_ages_are_written_in_the_unit_that_reads_best() -> None:
    ages = (0.42, 12, 150, 3 * 3_600, float("inf"), -1)
    assert [numbers.age(age) for age in ages] == ["0.4 s", "12 s", "2 min", "3 h", numbers.NONE, "0.0 s"]


def test_decimals_follow_the_tick_but_are_two_at_least() -> None:
    assert [numbers.decimals_of(Decimal(tick)) for tick in ("0.05", "0.10", "1", "0.0025", "10")] == [2, 2, 2, 4, 2]


def test_counts_agree_with_their_noun() -> None:
    assert numbers.count(1, "fill") == "1 fill"
    assert numbers.count(1_200, "fill") == "1,200 fills"
    assert numbers.count(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(("size", "text"), [(5, "5 B"), (1_500, "1.5 kB"), (2_000_000, "2.0 MB"), (3_200_000_000, "3.2 GB")])
def test_sizes_are_readable(size: int, text: str) -> None:
    assert numbers.bytes_of(size) == text

"""Figures are grouped as an Indian trader reads them."""

from __future__ import annotations

import pytest

from engine.core.figures import decimal_in_lakhs, in_lakhs


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1_000, "1,000"),
        (99_999, "99,999"),
        (100_000, "1,00,000"),
        (1_234_567, "12,34,567"),
        (10**9, "1,00,00,00,000"),
    ],
)
def test_whole_numbers(number: int, text: str) -> None:
    assert in_lakhs(number) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234.5, 2, "1,234.50"),
        (-1234.5, 0, "-1,234"),
        (-0.004, 2, "0.00"),
        (-0.006, 2, "-0.01"),
        (123456.789, 1, "1,23,456.8"),
        (0.0, 0, "0"),
    ],
)
def test_decimals(value: float, decimals: int, text: str) -> None:
    assert decimal_in_lakhs(value, decimals) == text

"""Each limit at its edge, one unit inside and one unit outside; none refuses when it was not given."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.core import limits

NAN = math.nan


@pytest.mark.parametrize(
    ("held", "quantity", "opened"),
    [(0, 5, 5), (0, -5, 5), (5, 5, 5), (5, -3, 0), (5, -5, 0), (5, -10, 0), (5, -12, 2), (-5, 3, 0), (-5, -1, 1)],
)
def test_an_order_opens_only_what_makes_the_position_larger(held: int, quantity: int, opened: int) -> None:
    assert limits.opened_by(held, quantity) == opened


def test_cash_is_equity_less_what_is_held_and_what_is_on_its_way() -> None:
    assert limits.free_cash(1000, 300, 200) == 500
    assert not limits.lacks_cash(500, 500)
    assert limits.lacks_cash(501, 500)


def test_a_position_more_may_be_one_too_many() -> None:
    assert not limits.has_too_many(2, 3.0)
    assert limits.has_too_many(3, 3.0)
    assert not limits.has_too_many(3, NAN)


def test_a_position_is_too_large_above_its_percentage_of_capital() -> None:
    assert not limits.is_too_large(100, 1000, 10.0)
    assert limits.is_too_large(101, 1000, 10.0)
    assert not limits.is_too_large(101, 1000, NAN)


def test_a_day_is_lost_when_its_loss_reaches_the_limit() -> None:
    assert not limits.has_lost_day(1000, 901, 100.0)
    assert limits.has_lost_day(1000, 900, 100.0)
    assert not limits.has_lost_day(1000, 0, NAN)


def test_equity_is_drawn_down_when_the_fall_from_the_peak_reaches_the_limit() -> None:
    assert not limits.is_drawn_down(1000, 801, 20.0)
    assert limits.is_drawn_down(1000, 800, 20.0)
    assert not limits.is_drawn_down(1000, 0, NAN)


def test_an_order_is_a_large_share_above_its_percentage_of_equity() -> None:
    assert not limits.is_large_share(200, 1000, 20.0)
    assert limits.is_large_share(201, 1000, 20.0)
    assert not limits.is_large_share(201, 1000, NAN)
    assert limits.is_large_share(1, 0, 20.0), "of nothing everything is too much"


def test_shares_are_counted_in_shares_and_contracts_in_lots() -> None:
    assert not limits.has_too_many_units(-1000, 0, 1000.0)
    assert limits.has_too_many_units(-1001, 0, 1000.0)
    assert not limits.has_too_many_units(1001, 75, 1000.0)
    assert not limits.has_too_many_units(1001, 0, NAN)
    assert not limits.has_too_many_lots(-750, 75, 10.0)
    assert limits.has_too_many_lots(-751, 75, 10.0)
    assert not limits.has_too_many_lots(751, 0, 10.0)
    assert limits.has_too_many_lots(11, 1, 10.0), "a lot may be a single unit"
    assert not limits.has_too_many_lots(751, 75, NAN)


def test_everything_together_is_too_much_above_its_times_of_equity() -> None:
    assert not limits.is_overstretched(-500, 500, 1000, 2.0), "Rs 1,500 held and on the way, Rs 500 more"
    assert limits.is_overstretched(-500, 501, 1000, 2.0)
    assert limits.is_overstretched(-1000, 1, 1000, 2.0)
    assert not limits.is_overstretched(-5000, 0, 1000, 2.0), "nothing is opened"
    assert not limits.is_overstretched(-500, 501, 1000, NAN)


def test_fractions_of_a_unit_are_not_rounded_off_a_limit() -> None:
    assert not limits.is_drawn_down(1_001, 901, 10.0), "a fall of 100 of 100.1"
    assert limits.is_drawn_down(1_001, 900, 10.0)
    assert not limits.has_lost_day(1_000, 900, 100.5)
    assert limits.has_lost_day(1_000, 899, 100.5)
    assert limits.is_too_large(101, 1_000, 10.05)
    assert not limits.is_too_large(100, 1_000, 10.05)


def test_each_refusal_has_a_number_of_its_own() -> None:
    first = (
        limits.ALLOWED, limits.NO_CASH, limits.TOO_MANY, limits.TOO_LARGE, limits.DAY_LOST, limits.DRAWN_DOWN,
        limits.VALUE_TOO_HIGH, limits.QUANTITY_TOO_HIGH, limits.TOO_MANY_SLICES,
    )  # fmt: skip
    later = (limits.SHARE_TOO_HIGH, limits.LOTS_TOO_MANY, limits.LOTS_HELD_TOO_MANY, limits.GROSS_TOO_HIGH)
    assert first == (0, 1, 2, 3, 4, 5, 6, 7, 8)
    assert later == (20, 21, 22, 23)
    assert limits.CODES == 24
    assert limits.SLICES == 10


def test_nothing_opened_needs_no_cash_and_an_overdrawn_account_has_none() -> None:
    assert not limits.lacks_cash(0, 0)
    assert limits.lacks_cash(0, -1)
    assert limits.lacks_cash(9_000, 500)
    assert not limits.lacks_cash(5, 500)


@pytest.mark.parametrize(
    ("ask", "within", "beyond"),
    [
        (limits.has_too_many, (0, 3.0), (9, 3.0)),
        (limits.is_too_large, (7, 1_000, 10.0), (900, 1_000, 10.0)),
        (limits.has_lost_day, (1_000, 1_200, 100.0), (1_000, -300, 100.0)),
        (limits.is_drawn_down, (1_000, 1_000, 20.0), (1_000, 100, 20.0)),
        (limits.is_large_share, (3, 1_000, 20.0), (900, 1_000, 20.0)),
        (limits.has_too_many_units, (3, 0, 1_000.0), (-5_000, 0, 1_000.0)),
        (limits.has_too_many_lots, (75, 75, 10.0), (-7_500, 75, 10.0)),
        (limits.is_overstretched, (900, 50, 1_000, 2.0), (-3_000, 50, 1_000, 2.0)),
    ],
)
def test_a_limit_far_away_refuses_nothing_and_one_long_passed_everything(ask: Any, within: Any, beyond: Any) -> None:
    assert not ask(*within)
    assert ask(*beyond)

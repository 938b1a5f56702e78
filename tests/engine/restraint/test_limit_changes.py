"""A tighter limit holds at once, a looser one has to be confirmed and waits; both are told, so that the journal has them."""

from __future__ import annotations

import pytest

from engine.core.errors import InvalidOption, UserError
from engine.restraint.limit_changes import compare, slack
from tests.engine.restraint.benches import Bench


def test_a_tighter_limit_holds_at_once_without_being_asked_twice() -> None:
    bench = Bench(max_order_quantity=10)
    bench.risk.change_limits({"max_order_quantity": 5, "max_positions": 2})
    assert bench.risk.limits == {"max_order_quantity": 5, "max_positions": 2}
    (told,) = bench.changes
    assert told == {
        "now": {"max_order_quantity": [10, 5], "max_positions": [None, 2]},
        "later": {},
        "limits": {"max_order_quantity": 5, "max_positions": 2},
    }


def test_a_looser_limit_is_not_taken_unconfirmed_and_the_tighter_ones_beside_it_are() -> None:
    bench = Bench(max_order_quantity=10, max_positions=5)
    with pytest.raises(UserError, match="a confirmation to loosen max_order_quantity from 10 to 20, was none"):
        bench.risk.change_limits({"max_order_quantity": 20, "max_positions": 3})
    assert bench.risk.limits == {"max_order_quantity": 10, "max_positions": 3}
    bench.clock.advance(3_600)
    bench.risk.on_clock(bench.clock.now_ns())
    assert bench.risk.limits["max_order_quantity"] == 10
    with pytest.raises(InvalidOption, match="max_positions"):
        bench.risk.change_limits({"max_position": 1}, confirmed=True)


def test_a_confirmed_one_holds_after_a_quarter_of_an_hour() -> None:
    bench = Bench(max_order_quantity=10, max_positions=5)
    bench.risk.change_limits({"max_order_quantity": 20}, confirmed=True)
    waiting = bench.risk.status(bench.desk.account_of("")).waiting
    assert waiting == {
        name: (new, bench.clock.now_ns() + 900 * 10**9) for name, new in (("max_order_quantity", 20), ("max_positions", None))
    }
    bench.clock.advance(899)
    bench.risk.on_clock(bench.clock.now_ns())
    assert bench.risk.limits == {"max_order_quantity": 10, "max_positions": 5}
    bench.risk.change_limits({"max_order_quantity": 20}, confirmed=True)
    bench.clock.advance(1)
    bench.risk.on_clock(bench.clock.now_ns())
    assert bench.risk.limits == {"max_order_quantity": 20}, "asking again does not begin the wait anew"
    assert bench.changes[-1]["now"] == {"max_order_quantity": [10, 20], "max_positions": [5, None]}


def test_the_next_day_ends_the_wait_and_a_tighter_wish_forgets_it() -> None:
    bench = Bench(max_order_quantity=10, max_positions=5)
    bench.risk.change_limits({"max_order_quantity": 20, "max_positions": 9}, confirmed=True)
    bench.risk.change_limits({"max_order_quantity": 8, "max_positions": 9}, confirmed=True)
    bench.risk.roll_day()
    assert bench.risk.limits == {"max_order_quantity": 8, "max_positions": 9}


def test_which_way_is_looser() -> None:
    assert slack("duplicate_order", 5.0) < slack("duplicate_order", 3.0) < slack("duplicate_order", None)
    assert slack("cash", None) == slack("cash", 1.0) < slack("cash", 0.0), "what always holds is loosened by switching it off"
    assert slack("market_hours", 1.0) < slack("market_hours", None) == slack("market_hours", 0.0)
    assert slack("max_positions", 3.0) < slack("max_positions", None)
    asked = compare({"duplicate_order": 1.0, "market_hours": 1.0}, {"duplicate_order": 3.0, "cash": 1.0})
    assert (dict(asked.tighter), dict(asked.looser)) == (
        {"cash": (1.0, None), "market_hours": (None, 1.0)},
        {"duplicate_order": (3.0, 1.0)},
    )


def test_a_restart_ends_no_wait_and_slips_no_limit_past_it() -> None:
    bench = Bench(max_order_quantity=10)
    bench.risk.change_limits({"max_order_quantity": 20}, confirmed=True)
    again = bench.again(is_live=True, max_order_quantity=50, max_positions=3)
    assert again.risk.limits == {"max_order_quantity": 10, "max_positions": 3}, "the settings were changed meanwhile"
    assert again.changes[-1]["later"] == {"max_order_quantity": [10, 50]}
    again.clock.advance(900)
    again.risk.on_clock(again.clock.now_ns())
    assert again.risk.limits["max_order_quantity"] == 50
    paper = bench.again(max_order_quantity=50)
    assert paper.risk.limits["max_order_quantity"] == 50, "on paper each start has its own"


def test_limits_of_an_earlier_day_do_not_hold_back_those_of_today() -> None:
    bench = Bench(max_order_quantity=10)
    kept = bench.risk.kept()
    later = Bench(max_order_quantity=50)
    later.desk.is_live = True
    later.clock.advance(86_400)
    later.risk.take_up(kept, [], later.clock.now_ns())
    assert later.risk.limits["max_order_quantity"] == 50

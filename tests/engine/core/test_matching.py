"""Prices worked by hand: what fills at the open, what fills in the range, and which order goes first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import matching
from engine.core.friction import Friction
from engine.core.matching import LIMIT, MARKET, RESTING, STOP, STOP_LIMIT, begin_bar, end_bar, fills_at_open, fills_in_range, lane_rows
from engine.core.records import BAR, Row, Rows

NAN = math.nan


def bar(open_: float, high: float, low: float, close: float | None = None) -> Row:
    row = np.zeros(1, BAR)[0]
    row.open, row.high, row.low, row.close = open_, high, low, open_ if close is None else close
    return row


def order(kind: int, quantity: int, price: float = NAN, trigger: float = NAN, triggered: int = 0, fresh: int = 0, id_: int = 0) -> Row:
    row = np.zeros(1, RESTING)[0]
    row.id, row.kind, row.quantity, row.price, row.trigger, row.is_triggered, row.is_fresh = (
        id_,
        kind,
        quantity,
        price,
        trigger,
        triggered,
        fresh,
    )
    return row


def lane(bar_: Row, *, touch: bool = False, lot: int = 1, band: tuple[float, float] = (-math.inf, math.inf), **friction: float) -> Row:
    row = lane_rows(np.array([0.05]), np.array([lot]), Friction(**friction), touch=touch)[0]  # type: ignore[arg-type]
    row.band_low, row.band_high = band
    begin_bar(row, bar_)
    return row


BAR_100 = bar(100.0, 104.0, 96.0)
PLAIN = lane(BAR_100)


def resting(*rows: Row) -> Rows:
    return np.array(list(rows), dtype=RESTING)


AT_OPEN = [
    (order(MARKET, 1), False, 100.0),
    (order(MARKET, -1), False, 100.0),
    (order(LIMIT, 1, 101.0), False, 100.0),
    (order(LIMIT, 1, 100.0), False, NAN),
    (order(LIMIT, 1, 100.0), True, 100.0),
    (order(LIMIT, 1, 99.0), True, NAN),
    (order(LIMIT, -1, 99.0), False, 100.0),
    (order(LIMIT, -1, 100.0), False, NAN),
    (order(LIMIT, -1, 100.0), True, 100.0),
    (order(STOP, -1, trigger=100.0), False, 100.0),
    (order(STOP, -1, trigger=103.0), False, 100.0),
    (order(STOP, -1, trigger=99.0), False, NAN),
    (order(STOP, 1, trigger=100.0), False, 100.0),
    (order(STOP, 1, trigger=98.0), False, 100.0),
    (order(STOP, 1, trigger=101.0), False, NAN),
    (order(STOP_LIMIT, 1, 101.0, 99.0), False, 100.0),
    (order(STOP_LIMIT, 1, 99.5, 99.0), False, NAN),
    (order(STOP_LIMIT, 1, 102.0, 101.0), False, NAN),
    (order(STOP_LIMIT, 1, 102.0, 101.0, triggered=1), False, 100.0),
    (order(STOP_LIMIT, -1, 99.0, 100.0), False, 100.0),
]


@pytest.mark.parametrize(("resting_order", "touch", "price"), AT_OPEN)
def test_what_the_open_fills(resting_order: Row, touch: bool, price: float) -> None:
    np.testing.assert_equal(fills_at_open(resting_order, BAR_100, lane(BAR_100, touch=touch)), price)


IN_RANGE = [
    (order(MARKET, 1), False, NAN),
    (order(LIMIT, 1, 97.0), False, 97.0),
    (order(LIMIT, 1, 96.0), False, NAN),
    (order(LIMIT, 1, 96.0), True, 96.0),
    (order(LIMIT, 1, 101.0), False, 100.0),
    (order(LIMIT, 1, 97.0, fresh=1), False, NAN),
    (order(LIMIT, -1, 103.0), False, 103.0),
    (order(LIMIT, -1, 104.0), False, NAN),
    (order(LIMIT, -1, 104.0), True, 104.0),
    (order(LIMIT, -1, 99.0), False, 100.0),
    (order(STOP, -1, trigger=98.0), False, 98.0),
    (order(STOP, -1, trigger=96.0), False, 96.0),
    (order(STOP, -1, trigger=95.9), False, NAN),
    (order(STOP, -1, trigger=102.0), False, 100.0),
    (order(STOP, -1, trigger=98.0, fresh=1), False, 98.0),
    (order(STOP, 1, trigger=103.0), False, 103.0),
    (order(STOP, 1, trigger=99.0), False, 100.0),
    (order(STOP, 1, trigger=104.1), False, NAN),
    # triggered on the way, limit at or behind the trigger: fills there, or not before the next bar
    (order(STOP_LIMIT, 1, 103.0, 102.0), False, 102.0),
    (order(STOP_LIMIT, 1, 102.0, 102.0), False, NAN),
    (order(STOP_LIMIT, 1, 102.0, 102.0), True, 102.0),
    (order(STOP_LIMIT, 1, 101.0, 102.0), False, NAN),
    (order(STOP_LIMIT, 1, 106.0, 105.0), False, NAN),
    (order(STOP_LIMIT, -1, 97.0, 98.0), False, 98.0),
    # the open is already beyond the trigger: all of the range came after it
    (order(STOP_LIMIT, 1, 98.0, 97.0), False, 98.0),
    (order(STOP_LIMIT, 1, 95.0, 94.0), False, NAN),
    (order(STOP_LIMIT, 1, 98.0, 97.0, fresh=1), False, NAN),
    (order(STOP_LIMIT, 1, 97.0, 110.0, triggered=1), False, 97.0),
]


@pytest.mark.parametrize(("resting_order", "touch", "price"), IN_RANGE)
def test_what_the_range_fills(resting_order: Row, touch: bool, price: float) -> None:
    np.testing.assert_equal(fills_in_range(resting_order, BAR_100, lane(BAR_100, touch=touch)), price)


def test_the_open_takes_what_it_is_beyond_stops_first_then_in_placing_order_but_no_market_orders() -> None:
    orders = resting(order(MARKET, 1), order(LIMIT, -1, 120.0), order(LIMIT, -1, 99.0), order(STOP, -1, trigger=101.0))
    assert matching.pick_at_open(orders, 4, BAR_100, PLAIN) == 3
    assert matching.pick_at_open(orders, 3, BAR_100, PLAIN) == 2
    assert matching.pick_at_open(orders, 2, BAR_100, PLAIN) == -1


def test_a_bar_that_holds_stop_and_target_takes_the_stop() -> None:
    orders = resting(order(LIMIT, -1, 103.0), order(STOP, -1, trigger=97.0), order(STOP, -1, trigger=98.0))
    assert matching.pick_in_range(orders, 3, BAR_100, PLAIN) == 1


def test_among_limits_the_first_placed_goes_first() -> None:
    orders = resting(order(MARKET, 1), order(LIMIT, -1, 103.0), order(LIMIT, -1, 102.0))
    assert matching.pick_in_range(orders, 3, BAR_100, PLAIN) == 1


def test_a_triggered_stop_limit_waits_behind_stops_like_any_limit() -> None:
    orders = resting(order(STOP_LIMIT, -1, 103.0, 110.0, triggered=1), order(STOP, -1, trigger=97.0))
    assert matching.pick_in_range(orders, 2, BAR_100, PLAIN) == 1


def test_nothing_is_picked_from_a_range_that_reaches_nothing() -> None:
    orders = resting(order(LIMIT, -1, 103.0), order(STOP, -1, trigger=97.0))
    assert matching.pick_in_range(orders, 2, bar(100.0, 101.0, 99.0), PLAIN) == -1


def test_removing_keeps_the_placing_order() -> None:
    orders = resting(*(order(MARKET, 1, id_=number) for number in (1, 2, 3)))
    assert matching.remove(orders, 3, 0) == 2
    assert orders["id"][:2].tolist() == [2, 3]
    assert matching.remove(orders, 2, 1) == 1
    assert orders["id"][:1].tolist() == [2]


def test_the_end_of_a_bar_notes_triggers_and_forgets_what_was_fresh() -> None:
    orders = resting(
        order(STOP_LIMIT, 1, 101.0, 103.0, fresh=1),
        order(STOP_LIMIT, -1, 101.0, 97.0),
        order(STOP_LIMIT, 1, 106.0, 105.0),
        order(STOP, 1, trigger=103.0),
    )
    end_bar(orders, 4, bar(100.0, 104.0, 96.0))
    assert orders["is_triggered"].tolist() == [1, 1, 0, 1]
    assert orders["is_fresh"].tolist() == [0, 0, 0, 0]


@settings(deadline=None, max_examples=200)
@given(
    prices=st.lists(st.integers(90, 110), min_size=3, max_size=3),
    kind=st.sampled_from([MARKET, LIMIT, STOP, STOP_LIMIT]),
    quantity=st.sampled_from([-2, 1]),
    levels=st.tuples(st.integers(88, 112), st.integers(88, 112)),
    touch=st.booleans(),
    triggered=st.integers(0, 1),
)
def test_a_fill_lies_within_the_bar_and_never_worse_than_its_limit(
    prices: list[int], kind: int, quantity: int, levels: tuple[int, int], touch: bool, triggered: int
) -> None:
    row = bar(float(prices[0]), float(max(prices)), float(min(prices)))
    resting_order = order(kind, quantity, float(levels[0]), float(levels[1]), triggered)
    for fills in (fills_at_open, fills_in_range):
        price = fills.compile()(resting_order, row, lane(row, touch=touch))
        plain = fills.py_func(resting_order, row, lane(row, touch=touch))
        np.testing.assert_equal(price, plain)
        if not math.isnan(price):
            assert row.low <= price <= row.high
            if kind in (LIMIT, STOP_LIMIT):
                assert (levels[0] - price) * quantity >= 0


def test_takers_slip_but_limits_do_not_and_a_stop_limit_no_further_than_its_limit() -> None:
    slips = lane(BAR_100, slippage_bps=100.0)
    assert fills_at_open(order(MARKET, 1), BAR_100, slips) == 101.0
    assert fills_at_open(order(STOP, -1, trigger=101.0), BAR_100, slips) == 99.0
    assert fills_at_open(order(LIMIT, 1, 101.0), BAR_100, slips) == 100.0
    assert fills_at_open(order(STOP_LIMIT, 1, 100.5, 99.0), BAR_100, slips) == 100.5
    assert fills_in_range(order(STOP, -1, trigger=98.0), BAR_100, slips) == 97.0
    assert fills_in_range(order(STOP_LIMIT, -1, 97.5, 98.0), BAR_100, slips) == 97.5
    assert fills_in_range(order(LIMIT, -1, 103.0), BAR_100, slips) == 103.0


def test_a_stop_called_for_in_the_range_fills_no_better_than_the_market_stood() -> None:
    walked = lane(BAR_100)
    matching.take(order(LIMIT, 1, 97.0), 97.0, walked)
    assert fills_in_range(order(STOP, -1, trigger=99.0, fresh=1), BAR_100, walked) == 97.0
    assert fills_in_range(order(STOP, -1, trigger=96.5, fresh=1), BAR_100, walked) == 96.5
    matching.take(order(STOP, 1, trigger=103.0), 103.0, walked)
    assert fills_in_range(order(STOP, -1, trigger=102.0, fresh=1), BAR_100, walked) == 102.0


def test_where_the_whole_bar_stands_at_its_limit_nobody_takes_the_other_side() -> None:
    locked = bar(105.0, 105.0, 105.0)
    at_high = lane(locked, band=(95.0, 105.0))
    assert math.isnan(fills_at_open(order(MARKET, 1), locked, at_high))
    assert fills_at_open(order(MARKET, -1), locked, at_high) == 105.0
    assert math.isnan(fills_in_range(order(STOP, 1, trigger=104.0), locked, at_high))
    at_low = lane(locked, band=(105.0, 115.0))
    assert math.isnan(fills_at_open(order(MARKET, -1), locked, at_low))
    assert fills_at_open(order(MARKET, 1), locked, at_low) == 105.0


def test_no_fill_lies_outside_the_band() -> None:
    assert math.isnan(fills_at_open(order(MARKET, 1), BAR_100, lane(BAR_100, band=(90.0, 99.0))))
    assert math.isnan(fills_in_range(order(LIMIT, -1, 103.0), BAR_100, lane(BAR_100, band=(90.0, 102.0))))
    assert fills_at_open(order(MARKET, 1), BAR_100, lane(BAR_100, band=(90.0, 100.5), slippage_bps=100.0)) == 100.5
    assert fills_at_open(order(MARKET, -1), BAR_100, lane(BAR_100, band=(99.5, 110.0), slippage_bps=100.0)) == 99.5


def test_the_volume_of_a_bar_is_shared_and_the_rest_of_a_stop_goes_on_at_market() -> None:
    thin = bar(100.0, 104.0, 96.0)
    thin.volume = 100.0
    shared, stop = lane(thin, participation=0.1), order(STOP, -25, trigger=98.0)
    assert matching.take(stop, 98.0, shared) == -10
    assert (stop.quantity, stop.filled, stop.is_triggered, shared.room) == (-15, 10, 1, 0)
    assert math.isnan(fills_in_range(order(STOP, -5, trigger=97.0), thin, shared))
    begin_bar(shared, thin)
    assert fills_at_open(stop, thin, shared) == 100.0
    assert math.isnan(fills_in_range(stop, thin, shared))


def test_an_order_on_its_way_is_not_in_the_market_until_its_bars_have_gone_by() -> None:
    late = order(STOP, -1, trigger=98.0)
    late.wait = 1
    orders = resting(late)
    assert math.isnan(fills_in_range(orders[0], BAR_100, PLAIN))
    end_bar(orders, 1, BAR_100)
    assert (orders[0].wait, orders[0].is_triggered) == (0, 0)
    assert fills_in_range(orders[0], BAR_100, PLAIN) == 98.0


def test_what_is_above_the_freeze_quantity_fills_in_slices() -> None:
    frozen = lane_rows(np.array([0.05]), np.array([1]), freezes=np.array([10]))[0]
    begin_bar(frozen, BAR_100)
    large = order(MARKET, 25)
    assert [matching.take(large, 100.0, frozen) for _ in range(3)] == [10, 10, 5]

"""What must rest to protect a position: one stop and one target over all of it, moved when it changes, gone when it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.model import Order, OrderChange, OrderStatus, OrderType, Pending, Position, Product, Purpose, Side
from engine.protection import Cancel, Change, Place, Plan, after_entry, moved, steps, trailed
from tests.engine.fakes import RELIANCE, request

S = OrderStatus
PLAN = Plan(stop=98.0, target=105.0, group="g")


def held(quantity: int) -> Position:
    return Position(RELIANCE, Product.MIS, "bot", quantity)


def resting(purpose: Purpose, quantity: int = 10, price: float = 98.0, **more: Any) -> Order:
    is_target = purpose is Purpose.TARGET
    side = more.pop("side", -1)
    wanted = request(side, quantity, purpose=purpose, **({"price": price} if is_target else {"trigger_price": price}))
    fields: dict[str, Any] = {
        "status": S.OPEN if is_target else S.TRIGGER, "quantity": quantity, "price": price if is_target else None,
        "trigger_price": None if is_target else price,
    }  # fmt: skip
    return Order(purpose.value, wanted, **(fields | more))


def both(**more: Any) -> list[Order]:
    return [resting(Purpose.STOP, **more), resting(Purpose.TARGET, price=105.0, **more)]


def test_a_position_gets_a_stop_and_a_target_over_all_of_it() -> None:
    stop, target = steps(held(10), PLAN, [])
    assert isinstance(stop, Place)
    assert isinstance(target, Place)
    asked = stop.request
    assert (asked.side, asked.quantity, asked.order_type, asked.trigger_price, asked.price) == (Side.SELL, 10, OrderType.SL_M, 98.0, None)
    assert (asked.purpose, asked.owner, asked.product, asked.group) == (Purpose.STOP, "bot", Product.MIS, "g")
    asked = target.request
    assert (asked.side, asked.quantity, asked.order_type, asked.price, asked.purpose) == (
        Side.SELL, 10, OrderType.LIMIT, 105.0, Purpose.TARGET,
    )  # fmt: skip


def test_where_only_one_sale_may_rest_the_target_waits_until_the_stop_stands() -> None:
    (stop,) = steps(held(10), PLAN, [], is_stop_first=True)
    assert isinstance(stop, Place)
    assert stop.request.purpose is Purpose.STOP
    on_its_way = replace(resting(Purpose.STOP), status=S.SENT)
    assert steps(held(10), PLAN, [on_its_way], is_stop_first=True) == []
    (target,) = steps(held(10), PLAN, [resting(Purpose.STOP)], is_stop_first=True)
    assert isinstance(target, Place)
    assert target.request.purpose is Purpose.TARGET
    (alone,) = steps(held(10), Plan(target=105.0), [], is_stop_first=True)
    assert isinstance(alone, Place)


def test_a_short_position_is_bought_back() -> None:
    made = steps(held(-4), Plan(stop=102.0), [])
    assert [(s.request.side, s.request.quantity) for s in made if isinstance(s, Place)] == [(Side.BUY, 4)]


def test_what_rests_as_planned_is_left_alone() -> None:
    assert steps(held(10), PLAN, both()) == []


def test_the_quantity_follows_the_position() -> None:
    assert steps(held(15), PLAN, both()) == [
        Change("stop", OrderChange(quantity=15), Purpose.STOP),
        Change("target", OrderChange(quantity=15), Purpose.TARGET),
    ]


def test_a_target_that_filled_in_part_needs_no_change_and_the_stop_does() -> None:
    stop, target = both()
    target = replace(target, status=S.PARTIAL, filled=4)
    assert steps(held(6), PLAN, [stop, target]) == [Change("stop", OrderChange(quantity=6), Purpose.STOP)]
    assert steps(held(8), PLAN, [stop, target])[1] == Change("target", OrderChange(quantity=12), Purpose.TARGET)


def test_prices_follow_the_plan() -> None:
    plan = replace(PLAN, stop=99.0, is_trailed=True, target=106.0)
    assert steps(held(10), plan, both()) == [
        Change("stop", OrderChange(trigger_price=99.0), Purpose.TRAIL),
        Change("target", OrderChange(price=106.0), Purpose.TARGET),
    ]


def test_a_stop_that_was_triggered_has_no_trigger_to_move() -> None:
    stop = replace(resting(Purpose.STOP), status=S.OPEN)
    assert steps(held(10), Plan(stop=99.0), [stop]) == []
    assert steps(held(12), Plan(stop=99.0), [stop]) == [Change("stop", OrderChange(quantity=12), Purpose.STOP)]


@pytest.mark.parametrize("status", [S.INTENT, S.SENT, S.ACKED, S.UNKNOWN])
def test_an_order_on_its_way_is_left_alone_and_not_doubled(status: OrderStatus) -> None:
    assert steps(held(15), Plan(stop=99.0), [replace(resting(Purpose.STOP), status=status)]) == []


@pytest.mark.parametrize("pending", [Pending.MODIFY, Pending.MODIFY_UNKNOWN, Pending.CANCEL_UNKNOWN])
def test_an_order_whose_change_is_not_answered_is_left_alone(pending: Pending) -> None:
    assert steps(held(15), Plan(stop=99.0), [replace(resting(Purpose.STOP), pending=pending)]) == []


def test_an_order_that_is_being_cancelled_is_replaced() -> None:
    made = steps(held(10), Plan(stop=98.0), [replace(resting(Purpose.STOP), pending=Pending.CANCEL)])
    assert [type(step) for step in made] == [Place]


@pytest.mark.parametrize(("quantity", "plan"), [(0, PLAN), (10, None), (0, None)])
def test_what_protects_nothing_goes(quantity: int, plan: Plan | None) -> None:
    assert steps(held(quantity), plan, both()) == [Cancel("stop"), Cancel("target")]
    assert steps(held(quantity), plan, both(pending=Pending.CANCEL)) == []


def test_after_a_reversal_the_old_protection_goes_and_new_is_placed() -> None:
    made = steps(held(-10), Plan(stop=102.0, target=95.0), both())
    assert [type(step) for step in made] == [Cancel, Place, Cancel, Place]


def test_a_leg_that_is_not_planned_goes_and_a_double_one_too() -> None:
    assert steps(held(10), Plan(stop=98.0), both()) == [Cancel("target")]
    double = replace(resting(Purpose.STOP), id="second")
    assert steps(held(10), Plan(stop=98.0), [resting(Purpose.STOP), double]) == [Cancel("second")]


def test_other_orders_are_none_of_its_business() -> None:
    entry = Order("entry", request(), S.OPEN, quantity=10)
    ended = replace(resting(Purpose.STOP), status=S.CANCELLED)
    assert [type(step) for step in steps(held(10), Plan(stop=98.0), [entry, ended])] == [Place]
    assert steps(held(0), None, [entry, ended]) == []


def test_a_plan_begins_with_what_the_entry_asked_on_the_grid() -> None:
    plan = after_entry(None, request(stop=98.02, target=105.04), 100.0, 10, "g")
    assert plan == Plan(stop=98.0, target=105.05, group="g")


def test_a_second_entry_keeps_what_it_does_not_say() -> None:
    plan = after_entry(PLAN, request(stop=99.0), 100.0, 20, "other")
    assert plan == replace(PLAN, stop=99.0)


@pytest.mark.parametrize(("held_quantity", "price", "stop"), [(10, 100.0, 98.5), (-10, 100.0, 101.5)])
def test_a_trailing_stop_begins_at_the_fill(held_quantity: int, price: float, stop: float) -> None:
    plan = after_entry(None, request(trail=1.5), price, held_quantity, "g")
    assert (plan.stop, plan.is_trailed, plan.trail) == (stop, True, 1.5)


def test_of_stop_and_trail_the_tighter_holds() -> None:
    assert after_entry(None, request(stop=99.0, trail=1.5), 100.0, 10, "g").stop == 99.0
    assert after_entry(None, request(stop=98.0, trail=1.5), 100.0, 10, "g").stop == 98.5


def test_a_trailing_stop_never_goes_back() -> None:
    plan = Plan(stop=98.5, trail=1.5)
    assert trailed(plan, 0.05, 10, 101.03) == Plan(stop=99.55, trail=1.5, is_trailed=True)
    assert trailed(plan, 0.05, 10, 99.0) == plan
    assert trailed(Plan(stop=101.5, trail=1.5), 0.05, -10, 99.0).stop == 100.5
    assert trailed(Plan(stop=101.5, trail=1.5), 0.05, -10, 101.0).stop == 101.5
    assert trailed(plan, 0.05, 0, 200.0) == plan
    assert trailed(Plan(stop=98.5), 0.05, 10, 200.0) == Plan(stop=98.5)


def test_a_stop_moved_on_purpose_is_no_trailed_one() -> None:
    plan = Plan(stop=99.0, target=105.0, trail=1.0, is_trailed=True)
    assert moved(plan, 0.05, stop=97.02) == replace(plan, stop=97.0, is_trailed=False)
    assert moved(plan, 0.05, target=106.0, trail=2.0) == replace(plan, target=106.0, trail=2.0)
    assert moved(plan, 0.05) == plan


def test_what_is_above_the_freeze_quantity_is_protected_in_slices_placed_anew() -> None:
    frozen = replace(RELIANCE, freeze_quantity=10)
    position = replace(held(15), instrument=frozen)
    small = resting(Purpose.STOP)
    cancel, place = steps(position, Plan(stop=98.0), [small])
    assert cancel == Cancel(small.id)
    assert isinstance(place, Place)
    assert (place.request.quantity, place.request.is_sliced) == (15, True)
    sliced = replace(small, request=replace(small.request, is_sliced=True), quantity=15)
    assert steps(position, Plan(stop=98.0), [sliced]) == []
    assert steps(replace(position, quantity=25), Plan(stop=98.0), [sliced]) == [Change(small.id, OrderChange(25), Purpose.STOP)]

"""After a crash a position is protected as it was meant to be, wherever between its entry, its stop and its target the end came."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.core.model import Exchange, Instrument, Order, OrderRequest, OrderStatus, OrderType, Product, Purpose, Side
from engine.protection import Plan, plan_of_before

INFY = Instrument(Exchange.NSE, "INFY", 408065, tick_size=Decimal("0.05"))
S = OrderStatus


def entry(at: int = 1, **asked: Any) -> Order:
    request = OrderRequest(INFY, Side.BUY, 10, product=Product.MIS, owner="ema", **asked)
    return Order(f"E{at}", request, S.FILLED, quantity=10, filled=10, filled_value_units=10 * 15_000_000, created_ns=at)


def guarding(purpose: Purpose, status: OrderStatus, at: int = 2, **more: Any) -> Order:
    kind = OrderType.LIMIT if purpose is Purpose.TARGET else OrderType.SL_M
    request = OrderRequest(INFY, Side.SELL, 10, kind, Product.MIS, owner="ema", purpose=purpose, group="E1")
    return Order(f"{purpose}{at}", request, status, quantity=10, created_ns=at, **more)


def stop(status: OrderStatus, at: int = 2) -> Order:
    return guarding(Purpose.STOP, status, at, trigger_price=1490.0)


def target(status: OrderStatus, at: int = 2) -> Order:
    return guarding(Purpose.TARGET, status, at, price=1520.0)


WANTED = {"stop": 1490.0, "target": 1520.0}


@pytest.mark.parametrize(
    "placed",
    [
        [],
        [stop(S.TRIGGER)],
        [target(S.OPEN)],
        [stop(S.NOT_PLACED)],
        [stop(S.TRIGGER), target(S.NOT_PLACED)],
        [stop(S.TRIGGER), target(S.OPEN)],
        [stop(S.EXPIRED), target(S.EXPIRED)],
    ],
)
def test_both_legs_are_known_whatever_was_placed_before_the_end(placed: list[Order]) -> None:
    assert plan_of_before([entry(**WANTED), *placed], 10) == Plan(1490.0, 1520.0, group="E1")


@pytest.mark.parametrize("removed", [S.CANCELLED, S.REJECTED])
def test_a_leg_that_was_taken_back_is_not_put_back(removed: OrderStatus) -> None:
    assert plan_of_before([entry(**WANTED), stop(S.TRIGGER), target(removed)], 10) == Plan(1490.0, None, group="E1")


def test_a_trailing_stop_begins_at_the_fill() -> None:
    assert plan_of_before([entry(trail=5.0, target=1520.0), target(S.OPEN)], 10) == Plan(1495.0, 1520.0, 5.0, True, "E1")


def test_an_addition_that_asked_for_nothing_keeps_the_stop_that_rests() -> None:
    assert plan_of_before([entry(1, **WANTED), stop(S.TRIGGER, 2), entry(3)], 10) == Plan(1490.0, group="E1")


def test_what_guarded_the_other_side_or_an_earlier_position_does_not_count() -> None:
    other_side = replace(stop(S.TRIGGER), request=replace(stop(S.TRIGGER).request, side=Side.BUY))
    assert plan_of_before([stop(S.CANCELLED, 0), other_side, entry(**WANTED)], 10) == Plan(1490.0, 1520.0, group="E1")


def test_nothing_asked_and_nothing_placed_is_no_plan() -> None:
    assert plan_of_before([entry()], 10) is None
    assert plan_of_before([], 10) is None

"""A position that differs is explained by an order that the broker may have filled before any of its lists had it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.model import Order, OrderStatus, Position, Product, Side
from engine.reconcile.differences import differences
from tests.engine.fakes import RELIANCE, request

S = OrderStatus


def held(quantity: int) -> Position:
    return Position(RELIANCE, Product.MIS, quantity=quantity)


def order(status: OrderStatus, side: Side = Side.BUY, quantity: int = 20, filled: int = 0) -> Order:
    made = Order("L1", replace(request(quantity=quantity), side=side, product=Product.MIS), status, quantity=quantity)
    return replace(made, filled=filled)


@pytest.mark.parametrize("status", [S.SENT, S.ACKED, S.UNKNOWN])
def test_an_order_that_no_list_has_had_yet_may_explain_what_differs(status: OrderStatus) -> None:
    ((found, _),) = differences([held(20)], [], {}, [order(status)])
    assert (found.quantity, found.is_explained) == (20, True)


@pytest.mark.parametrize(
    ("truth", "one"),
    [
        (20, order(S.OPEN)),
        (20, order(S.ACKED, filled=5)),
        (-20, order(S.ACKED)),
        (21, order(S.ACKED)),
        (20, order(S.ACKED, side=Side.SELL)),
        (20, order(S.INTENT)),
    ],
)
def test_what_no_such_order_can_have_done_is_a_difference(truth: int, one: Order) -> None:
    ((found, _),) = differences([held(truth)], [], {}, [one])
    assert not found.is_explained


def test_several_orders_explain_what_they_can_have_done_together() -> None:
    both = [order(S.ACKED), order(S.UNKNOWN, side=Side.SELL, quantity=5)]
    for quantity, is_explained in ((20, True), (15, True), (-5, True), (-6, False), (21, False)):
        ((found, _),) = differences([held(quantity)], [], {}, both)
        assert found.is_explained is is_explained, quantity

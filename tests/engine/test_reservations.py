"""What is on its way counts from the moment it is allowed until it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.model import Order, OrderStatus, Pending, Product, Purpose
from engine.reservations import Reservations
from tests.engine.fakes import RELIANCE, TCS, request

KEY = RELIANCE.key


def order(reservation: int, filled: int = 0, status: OrderStatus = OrderStatus.OPEN, **more: object) -> Order:
    return Order("id", request(), status, quantity=10, filled=filled, reservation=reservation, **more)  # type: ignore[arg-type]


def test_what_entries_may_add_and_exits_close_is_told_apart() -> None:
    kept = Reservations()
    kept.add(request(1, 10, owner="a"), 1_000)
    kept.add(request(-1, 4, owner="b"), 400)
    kept.add(request(-1, 3, owner="a", purpose=Purpose.EXIT), 0)
    kept.add(request(-1, 10, owner="a", purpose=Purpose.STOP), 0)
    kept.add(request(1, 99, owner="a", instrument=TCS), 5)
    kept.add(request(1, 99, owner="a", product=Product.CNC), 7)
    assert kept.pending(KEY, Product.MIS) == (6, 3)
    assert kept.pending(KEY, Product.MIS, "a") == (10, 3)
    assert kept.closing(KEY, Product.MIS, "b") == 0
    assert (kept.units(), kept.units("a"), kept.units("b")) == (1_412, 1_012, 400)
    assert (kept.count(), kept.count("a"), len(kept)) == (6, 5, 6)
    assert kept.keys("b") == {(KEY, Product.MIS)}
    assert kept.keys() == {(KEY, Product.MIS), (KEY, Product.CNC), (TCS.key, Product.MIS)}


def test_what_has_filled_is_reserved_no_longer() -> None:
    kept = Reservations()
    number = kept.add(request(1, 10), 1_000)
    kept.on_order(order(number, filled=4))
    assert (kept.units(), kept.pending(KEY, Product.MIS)) == (600, (6, 0))


@pytest.mark.parametrize("status", [status for status in OrderStatus if status.is_terminal])
def test_an_order_that_ended_frees_all(status: OrderStatus) -> None:
    kept = Reservations()
    number = kept.add(request(), 1_000)
    kept.on_order(order(number, status=status))
    assert (kept.units(), len(kept)) == (0, 0)


@pytest.mark.parametrize("status", [OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.ACKED])
def test_an_order_of_unknown_fate_counts_as_working(status: OrderStatus) -> None:
    kept = Reservations()
    kept.on_order(order(kept.add(request(), 1_000), status=status))
    assert kept.units() == 1_000


def test_a_wanted_cancel_frees_only_where_it_is_certain() -> None:
    for is_certain, left in ((True, 0), (False, 1_000)):
        kept = Reservations(is_cancel_certain=is_certain)
        kept.on_order(order(kept.add(request(), 1_000), pending=Pending.CANCEL))
        assert kept.units() == left


def test_a_restored_order_counts_with_what_is_left_of_it() -> None:
    kept = Reservations()
    number = kept.restore(replace(order(0), filled=7, request=request(-1, 10)), 1_000)
    assert (kept.pending(KEY, Product.MIS), kept.units()) == ((-3, 0), 300)
    kept.release(number)
    kept.release(number)
    assert len(kept) == 0


def test_orders_that_were_never_counted_change_nothing() -> None:
    kept = Reservations()
    kept.add(request(), 1_000)
    kept.on_order(order(99, filled=5))
    kept.on_order(order(0, status=OrderStatus.FILLED))
    assert kept.units() == 1_000

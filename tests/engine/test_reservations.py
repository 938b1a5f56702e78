"""What is on its way counts from the moment it is allowed until it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.model import Order, OrderStatus, OrderType, Pending, Product, Purpose
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


def test_where_a_cancel_is_certain_other_orders_count_as_ever() -> None:
    kept = Reservations(is_cancel_certain=True)
    for pending in (Pending.NONE, Pending.MODIFY):
        kept.on_order(order(kept.add(request(), 1_000), pending=pending))
    assert kept.units() == 2_000


def test_a_wanted_cancel_frees_nothing_unless_it_is_said_to_be_certain() -> None:
    kept = Reservations()
    kept.on_order(order(kept.add(request(), 1_000), pending=Pending.CANCEL))
    assert kept.units() == 1_000


def test_each_product_is_counted_by_itself() -> None:
    kept = Reservations()
    for quantity, product in enumerate((Product.CNC, Product.MIS, Product.NRML), start=1):
        kept.add(request(1, quantity, product=product), 10)
    assert [kept.pending(KEY, product)[0] for product in (Product.CNC, Product.MIS, Product.NRML)] == [1, 2, 3]


def test_an_order_for_nothing_binds_nothing() -> None:
    kept = Reservations()
    kept.add(request(1, 0), 1_000)
    assert kept.units() == 0


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


def test_entries_of_the_other_side_may_not_fill_at_all() -> None:
    kept = Reservations()
    kept.add(request(1, 10), 1_000)
    kept.add(request(-1, 4), 400)
    assert kept.pending(KEY, Product.MIS, side=1) == (10, 0)
    assert kept.pending(KEY, Product.MIS, side=-1) == (-4, 0)


def test_an_order_waits_for_its_trigger_until_it_stands_at_the_exchange() -> None:
    kept = Reservations()
    number = kept.add(request(trigger_price=101.0), 1_000)
    (stop,) = kept
    for status, is_waiting in (
        (OrderStatus.ACKED, True),
        (OrderStatus.TRIGGER, True),
        (OrderStatus.PARTIAL, False),
        (OrderStatus.ACKED, False),
    ):
        kept.on_order(order(number, status=status))
        assert stop.is_waiting is is_waiting
    number = kept.add(request(price=101.0, trigger_price=100.0, order_type=OrderType.SL), 1_000)
    *_, limited = kept
    assert limited.is_waiting
    kept.on_order(order(number, status=OrderStatus.OPEN))
    assert not limited.is_waiting
    kept.add(request(price=99.0), 1_000)
    *_, limit = kept
    assert not limit.is_waiting, "a limit without a trigger may fill at once"


def test_an_order_counts_at_the_price_it_was_changed_to() -> None:
    kept = Reservations()
    number = kept.add(request(price=99.0), 1_000)
    (limit,) = kept
    assert limit.price == 99.0
    kept.on_order(order(number, price=98.0))
    assert limit.price == 98.0


def test_a_sale_counts_as_one_when_some_of_it_has_filled() -> None:
    kept = Reservations()
    number = kept.add(request(-1, 10), 1_005)
    kept.on_order(replace(order(number, filled=3), request=request(-1, 10)))
    assert kept.pending(KEY, Product.MIS) == (-7, 0)
    assert kept.units() == 703, "seven tenths, rounded down"


def test_an_exit_that_works_binds_no_money_and_opens_nothing() -> None:
    kept = Reservations()
    kept.add(request(-1, 10, owner="a", purpose=Purpose.EXIT), 1_000)
    assert (kept.units(), kept.units("a"), kept.keys(), kept.keys("a")) == (0, 0, set(), set())
    assert kept.closing(KEY, Product.MIS) == kept.closing(KEY, Product.MIS, "a") == 10
    assert kept.load("a") == (1, 0, set())


def test_load_tells_count_money_and_places_of_an_owner_at_once() -> None:
    kept = Reservations()
    assert kept.load() == (0, 0, set())
    kept.add(request(1, 10, owner="a"), 1_000)
    kept.add(request(1, 10, owner="b", instrument=TCS), 700)
    assert kept.load("a") == (1, 1_000, {(KEY, Product.MIS)})
    assert kept.load() == (2, 1_700, {(KEY, Product.MIS), (TCS.key, Product.MIS)})


def test_each_order_has_a_number_of_its_own_until_it_is_released() -> None:
    kept = Reservations()
    first, second = kept.add(request(), 1_000), kept.add(request(), 500)
    assert (first, second) == (1, 2), "0 stands for none"
    assert kept.holds(first)
    assert kept.holds(second)
    kept.release(first)
    assert not kept.holds(first)
    assert kept.add(request(), 100) == 3
    assert kept.units() == 600

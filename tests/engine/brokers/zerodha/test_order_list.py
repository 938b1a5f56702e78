"""Snapshots of the whole order list: fills joined to their orders, and the parts of one order joined to one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.brokers.zerodha.order_list import join, to_updates, unmatched
from engine.core.model import Instrument, OrderStatus, OrderUpdate, Pending
from tests.engine.brokers.zerodha.rows import INFY, TAG, order_row, trade_row

S = OrderStatus


def instrument_of(row: Any) -> Instrument:
    return INFY


def snapshots(rows: list[dict[str, Any]], *trades: dict[str, Any], totals: dict[str, int] | None = None) -> list[OrderUpdate]:
    return to_updates(rows, trades, instrument_of, totals)


def test_each_order_has_its_own_fills_and_is_a_snapshot() -> None:
    rows = [order_row("2", "COMPLETE", filled_quantity=10, tag="other"), order_row("1", order_timestamp="2026-11-23 09:00:00")]
    first, second = snapshots(rows, trade_row("b", "2", 6), trade_row("c", "2", 4), trade_row("a", "9"))
    assert [u.broker_order_id for u in (first, second)] == ["1", "2"]
    assert (first.fills, first.is_snapshot, first.request is not None) == ((), True, True)
    assert [fill.trade_id for fill in second.fills] == ["b", "c"]


def test_one_tag_of_another_program_does_not_make_one_order_of_many() -> None:
    assert len(snapshots([order_row("1", tag="openalgo"), order_row("2", tag="openalgo")])) == 2


def sliced(order_id: str, status: str, filled: int = 0, **changes: Any) -> dict[str, Any]:
    return order_row(order_id, status, filled_quantity=filled, tags=[TAG, "autoslice"], **changes)


@pytest.mark.parametrize(
    ("parts", "status", "filled", "quantity"),
    [
        ([("1", "COMPLETE", 10), ("2", "COMPLETE", 10)], S.FILLED, 20, 20),
        ([("1", "COMPLETE", 10), ("2", "OPEN", 0)], S.PARTIAL, 10, 20),
        ([("1", "TRIGGER PENDING", 0), ("2", "OPEN", 0)], S.OPEN, 0, 20),
        ([("1", "TRIGGER PENDING", 0), ("2", "TRIGGER PENDING", 0)], S.TRIGGER, 0, 20),
        ([("1", "COMPLETE", 10), ("2", "REJECTED", 0)], S.CANCELLED, 10, 20),
        ([("1", "REJECTED", 0), ("2", "REJECTED", 0)], S.REJECTED, 0, 20),
        ([("1", "CANCELLED", 3), ("2", "CANCELLED", 0)], S.CANCELLED, 3, 20),
    ],
)
def test_slices_are_one_order(parts: list[tuple[str, str, int]], status: OrderStatus, filled: int, quantity: int) -> None:
    (update,) = snapshots([sliced(*part) for part in parts], *(trade_row(f"t{i}", i, n) for i, _, n in parts if n))
    assert (update.broker_order_id, update.status, update.filled, update.quantity) == ("1", status, filled, quantity)
    assert sum(fill.quantity for fill in update.fills) == filled
    assert update.request is not None
    assert update.request.quantity == quantity


def test_slices_that_are_not_listed_yet_count() -> None:
    (update,) = snapshots([sliced("1", "COMPLETE", 10)], totals={TAG: 30})
    assert (update.status, update.filled, update.quantity) == (S.PARTIAL, 10, 30)


def test_an_iceberg_between_two_legs_is_not_over() -> None:
    meta = {"iceberg": {"leg": 1, "legs": 3, "leg_quantity": 10, "total_quantity": 30, "remaining_quantity": 20}}
    leg = order_row("1", "COMPLETE", filled_quantity=10, variety="iceberg", meta=meta)
    (update,) = snapshots([leg], trade_row())
    assert (update.status, update.filled, update.quantity) == (S.PARTIAL, 10, 30)
    more = [order_row(n, "COMPLETE", filled_quantity=10, variety="iceberg", meta=meta) for n in "23"]
    (update,) = snapshots([leg, *more], trade_row())
    assert update.status is S.FILLED


def test_what_one_part_waits_for_the_order_waits_for_and_a_reason_is_kept() -> None:
    rows = [sliced("1", "MODIFY PENDING"), sliced("2", "REJECTED", status_message="No margin")]
    (update,) = snapshots(rows)
    assert (update.pending, update.message) == (Pending.MODIFY, "No margin")


def test_a_row_whose_meta_is_text_is_read() -> None:
    (update,) = snapshots([order_row("1", variety="iceberg", meta="{}")])
    assert update.quantity == 10


def test_fills_that_the_trade_list_lacks_are_noticed() -> None:
    rows = [order_row("1", "COMPLETE", filled_quantity=10)]
    assert unmatched(rows, [trade_row(quantity=6)])
    assert not unmatched(rows, [trade_row(quantity=6), trade_row("t2", quantity=4)])
    assert not unmatched([order_row()], [])


def test_a_fork_counts_what_the_ended_part_filled_and_all_of_the_living_one() -> None:
    old = OrderUpdate("1", "P", S.CANCELLED, 3, quantity=10, average_price=100.0)
    new = OrderUpdate("2", "P", S.OPEN, 1, quantity=10, average_price=104.0)
    both = join([old, new])
    assert (both.quantity, both.filled, both.parts, both.average_price) == (13, 4, ("1", "2"), 101.0)
    assert join([old, replace(new, status=S.CANCELLED)]).quantity == 20
    assert join([replace(old, filled=0), replace(new, filled=0)]).average_price == 0.0

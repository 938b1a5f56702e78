"""Rows and messages about orders, read in our words; then merged in any order to the same end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.brokers.zerodha.orders import STATUSES, is_known, is_slice, tag_of, to_fill, to_ns, to_request, to_update, whole
from engine.core.lifecycle import advance
from engine.core.model import EXTERNAL, Order, OrderStatus, OrderType, Pending, Product, Side, Validity, Variety
from tests.engine.brokers.zerodha.rows import INFY, TAG, an_order, order_row, trade_row

S = OrderStatus
TEN = int(datetime(2026, 11, 23, 4, 30, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_a_row_tells_everything() -> None:
    row = order_row(status="OPEN", quantity=10.0, filled_quantity=4, trigger_price=1499.9, status_message="Well")
    update = to_update(row, [trade_row(quantity=4)], instrument=INFY, is_snapshot=True)
    assert (update.broker_order_id, update.tag, update.status, update.filled) == ("1", TAG, S.PARTIAL, 4)
    assert (update.quantity, update.price, update.trigger_price, update.message) == (10, 1500.1, 1499.9, "Well")
    assert (update.pending, update.raw_status, update.time_ns, update.is_snapshot) == (Pending.NONE, "OPEN", TEN + 2_000_000_000, True)
    (fill,) = update.fills
    assert (fill.trade_id, fill.quantity, fill.price, fill.time_ns) == ("t1", 4, 1500.0, TEN + 2_000_000_000)


@pytest.mark.parametrize(
    ("raw", "status", "pending"),
    [
        ("PUT ORDER REQ RECEIVED", S.ACKED, None),
        ("AMO REQ RECEIVED", S.OPEN, Pending.NONE),
        ("TRIGGER PENDING", S.TRIGGER, Pending.NONE),
        ("MODIFY PENDING", None, Pending.MODIFY),
        ("CANCEL PENDING", None, Pending.CANCEL),
        ("NOT MODIFIED", None, Pending.NONE),
        ("COMPLETE", S.FILLED, Pending.NONE),
        ("CANCELLED", S.CANCELLED, Pending.NONE),
        ("REJECTED", S.REJECTED, Pending.NONE),
        ("SOMETHING NEW", None, None),
    ],
)
def test_words_of_the_broker(raw: str, status: OrderStatus | None, pending: Pending | None) -> None:
    update = to_update(order_row(status=raw))
    assert (update.status, update.pending, update.raw_status) == (status, pending, raw)


def test_a_fill_is_partial_whatever_the_word_and_an_unknown_word_stays_unknown() -> None:
    assert to_update(order_row(status="UPDATE", filled_quantity=3)).status is S.PARTIAL
    assert to_update(order_row(status="MODIFIED", filled_quantity=3)).status is S.PARTIAL
    assert to_update(order_row(status="CANCELLED", filled_quantity=3)).status is S.CANCELLED
    assert to_update(order_row(status="SOMETHING NEW", filled_quantity=3)).status is None


def test_our_tag_is_found_among_the_brokers() -> None:
    assert tag_of({"tag": None, "tags": ["mktp", TAG]}) == TAG
    assert tag_of({"tag": "openalgo", "tags": None}) == "openalgo"
    assert tag_of({"tags": "no list"}) == ""


def test_slices_are_known_by_tag_or_variety() -> None:
    assert is_slice({"tags": ["autoslice", "autoslice:1"]})
    assert is_slice({"variety": "iceberg"})
    assert not is_slice(order_row())


def test_rows_of_exchanges_that_nobody_trades_here_are_known_to_be() -> None:
    assert is_known(order_row())
    assert not is_known(order_row(exchange="NCO"))
    assert not is_known({})


@pytest.mark.parametrize(
    ("said", "ns"),
    [
        ("2026-11-23 10:00:00", TEN),
        ("2026-11-23T10:00:00+0530", TEN),
        (datetime(2026, 11, 23, 10, 0, 0), TEN),  # noqa: DTZ001  # as the official client hands it on
        ("0001-01-01 00:00:00", 0),
        ("09:16:39", 0),
        ("", 0),
        (None, 0),
        (7, 0),
    ],
)
def test_times_are_indias(said: object, ns: int) -> None:
    assert to_ns(said) == ns


@pytest.mark.parametrize(("said", "number"), [(3, 3), (3.0, 3), ("3", 3), (None, 0), ("", 0), (-0.0, 0)])
def test_quantities(said: object, number: int) -> None:
    assert whole(said) == number


def test_a_fill_without_its_own_time_has_the_exchanges() -> None:
    fill = to_fill(trade_row(fill_timestamp=None, average_price=99725.05000000002))
    assert (fill.time_ns, fill.price) == (TEN + 2_000_000_000, 99725.05)


def test_an_order_from_elsewhere_can_be_adopted() -> None:
    row = order_row(transaction_type="SELL", product="CNC", order_type="SL", trigger_price=1500.0, validity="IOC", variety="amo")
    request = to_request(row, INFY)
    assert request is not None
    assert (request.side, request.product, request.order_type, request.owner) == (Side.SELL, Product.CNC, OrderType.SL, EXTERNAL)
    assert (request.validity, request.variety, request.quantity) == (Validity.IOC, Variety.AMO, 10)
    assert to_request(order_row(product="BO"), INFY) is None
    assert to_update(order_row()).request is None


STORY = [
    order_row(status="PUT ORDER REQ RECEIVED", order_timestamp="2026-11-23 10:00:00", exchange_update_timestamp=None),
    order_row(status="OPEN", exchange_update_timestamp="2026-11-23 10:00:02"),
    order_row(status="UPDATE", exchange_update_timestamp="2026-11-23 10:00:03", filled_quantity=4),
    order_row(status="UPDATE", exchange_update_timestamp="2026-11-23 10:00:04", filled_quantity=7),
    order_row(status="COMPLETE", exchange_update_timestamp="2026-11-23 10:00:05", filled_quantity=10),
]
TRADES = [trade_row("a", quantity=4), trade_row("b", quantity=3), trade_row("c", quantity=3)]


def tell(order: Order, trades: dict[str, int], row: dict[str, Any], is_snapshot: bool) -> Order:
    known = TRADES[: {0: 0, 4: 1, 7: 2, 10: 3}[row["filled_quantity"]]] if is_snapshot else []
    made = advance(order, to_update(row, known, is_snapshot=is_snapshot), trades)
    trades.update((fill.trade_id, fill.quantity) for fill in made.new_fills)
    return made.order


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=12), st.randoms())
def test_duplicates_late_news_and_any_order_come_to_the_same(more: list[tuple[int, bool]], random: Any) -> None:
    told = [*((i, False) for i in range(5)), (4, True), *more]
    random.shuffle(told)
    order, trades, filled = an_order(), {}, 0
    for number, is_snapshot in told:
        order = tell(order, trades, STORY[number], is_snapshot)
        assert order.filled >= filled
        filled = order.filled
    assert (order.status, order.filled, order.broker_order_id) == (S.FILLED, 10, "1")
    assert trades == {"a": 4, "b": 3, "c": 3}
    assert order.average_price == pytest.approx(1500.0)


def test_every_word_of_the_broker_is_of_a_known_status() -> None:
    assert all(status is None or isinstance(status, OrderStatus) for status, _ in STATUSES.values())

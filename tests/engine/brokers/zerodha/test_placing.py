"""Orders as the broker wants them, and refused here where it would refuse them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.brokers.zerodha.placing import require_changeable, require_takeable, slices, to_change, to_parameters
from engine.brokers.zerodha.slicing import Sliced, to_slices
from engine.core.errors import OrderRejected, OutcomeUnknown
from engine.core.model import Exchange, Instrument, InstrumentKind, OrderChange, OrderType, Product, Side, Validity, Variety
from tests.engine.brokers.zerodha.rows import INFY, NIFTY_CE, TAG, an_order

LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M
COMMON = {
    "variety": "regular", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 10, "product": "MIS",
    "validity": "DAY", "tag": TAG,
}  # fmt: skip


@pytest.mark.parametrize(
    ("order_type", "fields"),
    [
        (LIMIT, {"order_type": "LIMIT", "price": 1500.1}),
        (MARKET, {"order_type": "MARKET", "market_protection": -1}),
        (SL, {"order_type": "SL", "price": 1500.1, "trigger_price": 1500.0}),
        (SL_M, {"order_type": "SL-M", "trigger_price": 1500.0, "market_protection": -1}),
    ],
)
def test_each_type_carries_its_own_fields_and_no_other(order_type: OrderType, fields: dict[str, Any]) -> None:
    assert to_parameters(an_order(order_type)) == COMMON | fields


def test_the_rarer_fields() -> None:
    order = an_order(MARKET, side=Side.SELL, product=Product.MTF, market_protection=2.5, disclosed_quantity=5, variety=Variety.AMO)
    fields = to_parameters(order)
    assert (fields["variety"], fields["market_protection"], fields["disclosed_quantity"]) == ("amo", 2.5, 5)
    assert (fields["transaction_type"], fields["product"]) == ("SELL", "MTF")
    fields = to_parameters(an_order(validity=Validity.TTL, validity_minutes=5))
    assert (fields["validity"], fields["validity_ttl"]) == ("TTL", 5)
    iceberg = an_order(instrument=NIFTY_CE, quantity=65 * 5, price=100.05, variety=Variety.ICEBERG, iceberg_legs=2, product=Product.NRML)
    fields = to_parameters(iceberg)
    assert (fields["iceberg_legs"], fields["iceberg_quantity"]) == (2, 65 * 3)


def test_a_stop_in_options_has_a_limit_beyond_its_trigger() -> None:
    order = an_order(SL_M, instrument=NIFTY_CE, side=Side.SELL, quantity=65, trigger_price=101.0, product=Product.NRML)
    require_takeable(order.request)
    fields = to_parameters(order)
    assert (fields["order_type"], fields["trigger_price"], fields["price"]) == ("SL", 101.0, 95.95)
    assert "market_protection" not in fields
    assert to_change(order, OrderChange(trigger_price=102.0), SL) == {"order_type": "SL", "trigger_price": 102.0, "price": 96.9}
    assert to_change(order, OrderChange(quantity=130), SL) == {"order_type": "SL", "quantity": 130}


def test_prices_leave_without_noise() -> None:
    assert to_parameters(an_order(price=0.1 + 0.2))["price"] == 0.3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quantity": 0}, "quantity above 0"),
        ({"price": 1500.15}, "steps of 0.10"),
        ({"price": None}, "price above 0"),
        ({"order_type": SL, "price": 1499.0, "trigger_price": 1500.0}, "at or above the trigger"),
        ({"product": Product.NRML}, "CNC, MIS or MTF"),
        ({"instrument": NIFTY_CE, "quantity": 65, "product": Product.CNC}, "NRML or MIS"),
        ({"instrument": NIFTY_CE, "quantity": 66, "product": Product.NRML}, "lot of 65"),
        ({"instrument": NIFTY_CE, "quantity": 65 * 28, "product": Product.NRML}, "freeze quantity of 1800"),
        ({"instrument": NIFTY_CE, "quantity": 65 * 300, "product": Product.NRML, "is_sliced": True}, "at most 10 slices"),
        (
            {"instrument": NIFTY_CE, "quantity": 65 * 5, "product": Product.NRML, "variety": Variety.ICEBERG, "iceberg_legs": 4},
            "take fewer legs",
        ),
        ({"instrument": replace(INFY, kind=InstrumentKind.INDEX)}, "an index can only be watched"),
        ({"instrument": Instrument(Exchange.MCX, "GOLD26DECFUT", 1), "product": Product.NRML, "validity": Validity.IOC}, "commodities"),
        ({"validity": Validity.TTL}, "minutes for validity TTL, was 0"),
        ({"variety": Variety.ICEBERG, "iceberg_legs": 1}, "2 to 50 legs"),
        ({"variety": Variety.ICEBERG, "iceberg_legs": 2, "order_type": SL_M, "trigger_price": 1500.0}, "iceberg, was SL-M"),
        ({"order_type": MARKET, "market_protection": 0.0}, "market protection above 0"),
    ],
)
def test_what_would_be_refused_never_leaves(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(OrderRejected, match=says):
        require_takeable(replace(an_order().request, **changes))


@pytest.mark.parametrize("changes", [{}, {"product": Product.MTF}, {"validity": Validity.TTL, "validity_minutes": 1}, {"price": 1500.0}])
def test_what_would_be_taken_passes(changes: dict[str, Any]) -> None:
    require_takeable(replace(an_order().request, **changes))


def test_an_order_of_ten_slices_passes() -> None:
    request = an_order(instrument=NIFTY_CE, quantity=1_755 * 10, price=100.05, product=Product.NRML, is_sliced=True).request
    require_takeable(request)
    assert slices(1_755 * 10, NIFTY_CE) == 10
    assert slices(1_755 * 10 + 65, NIFTY_CE) == 11
    assert slices(5, INFY) == 1


@pytest.mark.parametrize(
    ("now", "change", "fields"),
    [
        (LIMIT, OrderChange(price=1501.0), {"order_type": "LIMIT", "price": 1501.0}),
        (LIMIT, OrderChange(quantity=20), {"order_type": "LIMIT", "quantity": 20}),
        (LIMIT, OrderChange(order_type=MARKET), {"order_type": "MARKET", "market_protection": -1}),
        (MARKET, OrderChange(price=1502.0), {"order_type": "LIMIT", "price": 1502.0}),
        (SL, OrderChange(price=1501.0, trigger_price=1500.5), {"order_type": "SL", "price": 1501.0, "trigger_price": 1500.5}),
        (SL_M, OrderChange(trigger_price=1499.5), {"order_type": "SL-M", "trigger_price": 1499.5, "market_protection": -1}),
    ],
)
def test_a_change_carries_what_changes(now: OrderType, change: OrderChange, fields: dict[str, Any]) -> None:
    assert to_change(an_order(now), change, now) == fields


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (OrderChange(price=1500.15), "steps of 0.10"),
        (OrderChange(quantity=4), "above the 4 that are filled"),
        (OrderChange(order_type=SL_M, trigger_price=1.0), "no change of a LIMIT order into SL-M"),
    ],
)
def test_a_change_that_would_be_refused_never_leaves(change: OrderChange, says: str) -> None:
    with pytest.raises(OrderRejected, match=says):
        require_changeable(replace(an_order(), filled=4), change, LIMIT)


def test_a_change_of_quantity_is_in_lots() -> None:
    with pytest.raises(OrderRejected, match="lot of 65"):
        require_changeable(an_order(instrument=NIFTY_CE, quantity=65), OrderChange(quantity=100), LIMIT)
    require_changeable(an_order(), OrderChange(quantity=11, price=1500.2), LIMIT)


CHILDREN = [{"order_id": "1"}, {"error": {"code": 400, "error_type": "MarginException", "message": "No margin", "data": None}}]


@pytest.mark.parametrize("answer", [CHILDREN, {"order_id": "0", "children": CHILDREN}])
def test_both_shapes_of_sliced_answers_are_read(answer: Any) -> None:
    found = to_slices(answer)
    assert found == Sliced(("1", ""), ("No margin",))
    assert (found.first, found.placed(20, 15), found.placed(40, 15)) == ("1", 15, 40)


def test_what_needed_no_slicing_is_one_order() -> None:
    assert to_slices({"order_id": "5"}) == Sliced(("5",))


def test_slices_that_were_all_refused_are_a_rejection() -> None:
    with pytest.raises(OrderRejected, match="No margin"):
        to_slices({"order_id": "0", "children": CHILDREN[1:]})
    with pytest.raises(OrderRejected, match="without a reason"):
        to_slices([{"error": None or {}}, {"error": {"x": 1}}][1:])


@pytest.mark.parametrize("answer", [None, {}, "x", {"children": "x"}, [], [{}], [{"order_id": "1"}, {}]])
def test_an_answer_that_does_not_say_is_unknown(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        to_slices(answer)

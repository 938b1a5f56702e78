from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.core.errors import InvalidOrder
from engine.core.model import Exchange, Instrument, InstrumentKind, OrderType, Product, Quote, Side, Validity
from widgets.base.draft import Draft

SHARE = Instrument(Exchange.NSE, "RELIANCE", 1, tick_size=Decimal("0.10"))
FUTURE = Instrument(Exchange.NFO, "TCSFUT", 2, kind=InstrumentKind.FUTURE, lot_size=175, freeze_quantity=1_750)
INDEX = Instrument(Exchange.NSE, "NIFTY 50", 3, kind=InstrumentKind.INDEX)
QUOTE = Quote(SHARE, last_price=1_480.0, bid=1_479.9, ask=1_480.1, bids=((1_479.9, 50),), asks=((1_480.1, 40), (1_480.2, 30)))
BUY = Draft(SHARE, Side.BUY, Decimal(10))


def fault(draft: Draft, **changes: Any) -> tuple[str, str]:
    return replace(draft, **changes).fault(QUOTE)


def test_a_plain_market_order_has_no_fault() -> None:
    assert BUY.fault(QUOTE) == BUY.fault(None) == ("", "")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("instrument", {"instrument": INDEX}),
        ("side", {"side": None}),
        ("quantity", {"quantity": None}),
        ("quantity", {"quantity": Decimal(0)}),
        ("quantity", {"quantity": Decimal("1.5")}),
        ("quantity", {"instrument": FUTURE, "quantity": Decimal(100)}),
        ("quantity", {"instrument": FUTURE, "quantity": Decimal(1_925)}),
        ("price", {"order_type": OrderType.LIMIT}),
        ("price", {"order_type": OrderType.LIMIT, "price": 1_480.05}),
        ("trigger", {"order_type": OrderType.SL_M}),
        ("trigger", {"order_type": OrderType.SL, "price": 1_490.0, "trigger": -1.0}),
        ("price", {"order_type": OrderType.SL, "price": 1_485.0, "trigger": 1_490.0}),
        ("price", {"order_type": OrderType.SL, "side": Side.SELL, "price": 1_475.0, "trigger": 1_470.0}),
        ("stop", {"stop": 1_481.0}),
        ("stop", {"stop": 1_470.05}),
        ("stop", {"stop": 1_479.0, "side": Side.SELL}),
        ("target", {"target": 1_479.0}),
        ("target", {"target": 0.0}),
    ],
)
def test_what_the_exchange_would_refuse_is_a_fault_of_that_field(field: str, changes: dict[str, Any]) -> None:
    where, why = fault(BUY, **changes)
    assert where == field
    assert why.endswith(".")


def test_whole_orders_of_each_type_have_no_fault() -> None:
    assert fault(BUY, order_type=OrderType.LIMIT, price=1_479.5, stop=1_470.0, target=1_490.0) == ("", "")
    assert fault(BUY, order_type=OrderType.SL, price=1_491.0, trigger=1_490.0) == ("", "")
    assert fault(BUY, order_type=OrderType.SL_M, trigger=1_470.0, side=Side.SELL) == ("", "")
    assert fault(BUY, side=Side.SELL, stop=1_490.0, target=1_470.0) == ("", "")
    assert fault(BUY, instrument=FUTURE, quantity=Decimal(350)) == ("", "")


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("Crosses the spread", {"order_type": OrderType.LIMIT, "price": 1_480.1}),
        ("Crosses the spread", {"order_type": OrderType.LIMIT, "price": 1_479.9, "side": Side.SELL}),
        ("−5.0% from the last", {"order_type": OrderType.LIMIT, "price": 1_406.0}),
        ("already above the trigger", {"order_type": OrderType.SL_M, "trigger": 1_479.0}),
        ("already below the trigger", {"order_type": OrderType.SL_M, "trigger": 1_481.0, "side": Side.SELL}),
        ("Only 70 shown", {"quantity": Decimal(500)}),
        ("Only 50 shown", {"quantity": Decimal(500), "side": Side.SELL}),
    ],
)
def test_what_is_unwise_is_remarked_and_can_be_sent(words: str, changes: dict[str, Any]) -> None:
    draft = replace(BUY, **changes)
    assert words in draft.advice(QUOTE)
    assert draft.fault(QUOTE) == ("", "")


def test_there_is_nothing_to_remark_on_an_ordinary_order() -> None:
    assert BUY.advice(QUOTE) == ""
    assert replace(BUY, order_type=OrderType.LIMIT, price=1_479.5).advice(QUOTE) == ""
    assert replace(BUY, side=None).advice(QUOTE) == ""
    assert "No quote yet" in BUY.advice(None)


def test_the_request_carries_only_what_its_type_needs() -> None:
    draft = replace(BUY, price=1_479.0, trigger=1_478.0, product=Product.CNC, validity=Validity.IOC, stop=1_470.0)
    request = draft.request(QUOTE)
    assert (request.price, request.trigger_price) == (None, None)
    assert (request.quantity, request.reference_price, request.stop, request.validity) == (10, 1_480.0, 1_470.0, Validity.IOC)
    stop_limit = replace(draft, order_type=OrderType.SL).request(None)
    assert (stop_limit.price, stop_limit.trigger_price, stop_limit.reference_price) == (1_479.0, 1_478.0, None)


def test_the_value_is_reckoned_at_the_orders_own_price_first() -> None:
    assert BUY.reference(QUOTE) == 1_480.0
    assert BUY.reference(None) == 0.0
    assert replace(BUY, order_type=OrderType.LIMIT, price=1_470.0).reference(QUOTE) == 1_470.0
    assert replace(BUY, order_type=OrderType.SL_M, trigger=1_490.0).reference(QUOTE) == 1_490.0


def test_an_unfinished_draft_makes_no_request() -> None:
    with pytest.raises(InvalidOrder, match="side and a quantity"):
        replace(BUY, side=None).request(QUOTE)

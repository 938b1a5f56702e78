"""Every no of Kite's, as the official client reads it: its class, its words, its HTTP status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kite_exchange.browser import fetch
from tests.kite_exchange.official import OfficialRest, Raised
from tests.kite_exchange.process import RunningExchange

ORDER = {
    "variety": "regular", "exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "transaction_type": "BUY",
    "order_type": "LIMIT", "price": 1500.0, "quantity": 10,
}  # fmt: skip


def refused(kite: OfficialRest, **changes: Any) -> Raised:
    """Place an order that is refused; a value of None leaves its field out."""
    with pytest.raises(Raised) as raised:
        kite.call("place_order", **{**ORDER, **changes})
    assert kite.call("orders") == [], "a refusal leaves nothing in the order book"
    return raised.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order_type": "MARKET"}, "Market orders without market protection are not allowed via API"),
        ({"order_type": "MARKET", "market_protection": 0}, "Market orders without market protection"),
        ({"order_type": "SL-M", "trigger_price": 1510.0}, "Market orders without market protection"),
        ({"price": 1500.03}, "Tick size for this script is 0.1"),
        ({"price": None}, "Missing or empty field `price`"),
        ({"order_type": "SL", "price": 1510.0, "trigger_price": 1511.0}, "should be lower than the price"),
        ({"order_type": "SL", "price": 1510.0, "trigger_price": 1490.0}, "should be above the last traded price"),
        ({"quantity": 0}, "Invalid `quantity`"),
        ({"quantity": -5}, "Invalid `quantity`"),
        ({"tradingsymbol": "NOSUCH"}, "has either expired or does not exist"),
        ({"tradingsymbol": "NIFTY 50"}, "has either expired or does not exist"),
        ({"product": "NRML"}, "Invalid `product`"),
        ({"validity": "GTC"}, "Invalid `validity`"),
        ({"validity": "TTL"}, "Invalid `validity_ttl`"),
        ({"tag": "x" * 21}, "at most 20 characters"),
        ({"variety": "bo"}, "Invalid `variety`"),
        ({"variety": "amo", "validity": "IOC"}, "Only DAY validity"),
        ({"variety": "iceberg", "iceberg_legs": 1, "iceberg_quantity": 10}, "Invalid `iceberg_legs`"),
        ({"disclosed_quantity": 1, "quantity": 100}, "at least 10%"),
    ],
)
def test_wrong_input(kite: OfficialRest, changes: dict[str, Any], words: str) -> None:
    raised = refused(kite, **changes)
    assert (raised.kind, raised.code) == ("InputException", 400)
    assert words in raised.message


def test_lots_and_freeze_quantity(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_funds", equity=1e9)
    future = next(one["key"][4:] for one in exchange.control("listings", exchange="NFO") if one["kind"] == "FUT")
    form = {"exchange": "NFO", "tradingsymbol": future, "product": "NRML", "price": 25000.0}
    assert "multiples of 65" in refused(kite, quantity=100, **form).message
    assert "freeze quantity of 1800" in refused(kite, quantity=65 * 28, **form).message
    assert kite.call("place_order", **{**ORDER, **form, "quantity": 65 * 27})


def test_want_of_money_at_once_or_in_the_order_book(kite: OfficialRest, exchange: RunningExchange) -> None:
    raised = refused(kite, product="CNC", quantity=1000)
    assert (raised.kind, raised.code) == ("GeneralException", 400), "the client has no MarginException"
    assert "Required margin is 1500000.00 but available margin is 1000000.00" in raised.message
    exchange.control("configure", margin_refusal="order_book")
    order_id = kite.call("place_order", **{**ORDER, "product": "CNC", "quantity": 1000})
    (row,) = kite.call("orders")
    assert (row["order_id"], row["status"], row["exchange_order_id"]) == (order_id, "REJECTED", None)
    assert row["status_message"].startswith("Insufficient funds")


def test_want_of_shares_and_of_their_authorisation(kite: OfficialRest, exchange: RunningExchange) -> None:
    sale = {"product": "CNC", "transaction_type": "SELL"}
    assert "0 of INFY can be sold" in refused(kite, **sale).message
    exchange.control("set_holding", symbol="INFY", quantity=20, price=1000, authorised=4)
    raised = refused(kite, **sale)
    assert (raised.kind, raised.code, raised.message) == ("OrderException", 428, "6 quantity needs authorisation at depository.")


def test_the_circuit_refuses_in_the_order_book(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_band", symbol="INFY", lower=1450, upper=1550)
    kite.call("place_order", **{**ORDER, "price": 1449.9})
    (row,) = kite.call("orders")
    assert (row["status"], row["status_message"]) == ("REJECTED", "17070 : The price is out of the current execution range: 1450 to 1550.")


def test_the_next_order_is_rejected_in_the_order_book_when_a_test_says_so(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("reject_next", message="RMS:Blocked for nse_cm", tag="bad")
    for tag in ("good", "bad", "bad"):
        kite.call("place_order", **ORDER, tag=tag)
    assert [(row["tag"], row["status"]) for row in kite.call("orders")] == [("bad", "OPEN"), ("bad", "REJECTED"), ("good", "OPEN")]


def test_closed_markets(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.reset(hours=True, now="2026-11-23 15:31:00")
    token = exchange.login()
    kite.call("set_access_token", token)
    assert "Markets are closed" in refused(kite).message
    assert kite.call("place_order", **{**ORDER, "variety": "amo"})


def test_an_unregistered_address_may_read_but_not_order(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("configure", ip_registered=False)
    raised = refused(kite)
    assert (raised.kind, raised.code) == ("PermissionException", 403)
    assert "IP address" in raised.message


def test_the_free_plan_has_no_market_data(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("configure", data_plan=False)
    for name, arguments in (("ltp", ["NSE:INFY"]), ("historical_data", [408065, "2026-11-20", "2026-11-20", "minute"])):
        with pytest.raises(Raised, match="PermissionException: Insufficient permission for that call"):
            kite.call(name, *arguments)
    assert kite.call("margins")["equity"]["enabled"] is True
    token = exchange.login()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x" * 22 + "=="}
    assert fetch("GET", f"{exchange.root}/?api_key={exchange.api_key}&access_token={token}", headers=upgrade)[0] == 403


def test_changes_that_cannot_be_made(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = kite.call("place_order", **{**ORDER, "price": 1490.0})
    for changes, words in (({"order_type": "SL"}, "cannot be modified to an SL"), ({"quantity": 0}, "Invalid `quantity`")):
        with pytest.raises(Raised, match=words):
            kite.call("modify_order", "regular", order_id, **changes)
    with pytest.raises(Raised, match="Invalid `variety`"):
        kite.call("cancel_order", "amo", order_id)
    for _ in range(25):
        kite.call("modify_order", "regular", order_id, price=1490.0)
    with pytest.raises(Raised, match="OrderException: Maximum allowed order modifications exceeded"):
        kite.call("modify_order", "regular", order_id, price=1490.0)
    kite.call("cancel_order", "regular", order_id)


def test_an_order_on_its_way_cannot_be_touched(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("configure", order_latency=5.0)
    order_id = kite.call("place_order", **ORDER)
    with pytest.raises(Raised, match="being processed"):
        kite.call("cancel_order", "regular", order_id)
    exchange.control("advance", seconds=5)
    assert kite.call("orders")[0]["status"] == "OPEN"


def test_a_filled_quantity_is_the_least_an_order_can_be_changed_to(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_depth", symbol="INFY", buy=[[1499.0, 5]], sell=[[1500.0, 3]])
    order_id = kite.call("place_order", **ORDER)
    with pytest.raises(Raised, match="filled quantity of 3"):
        kite.call("modify_order", "regular", order_id, quantity=3)
    kite.call("modify_order", "regular", order_id, quantity=5)
    (row,) = kite.call("orders")
    assert (row["quantity"], row["filled_quantity"], row["pending_quantity"]) == (5, 3, 2)


def test_unknown_paths_and_numbers(kite: OfficialRest, exchange: RunningExchange) -> None:
    with pytest.raises(Raised) as raised:
        kite.call("order_history", "1")
    assert (raised.value.kind, raised.value.code) == ("OrderException", 404)
    with pytest.raises(Raised) as raised:
        kite.call("mf_holdings")
    assert raised.value.code == 404


@pytest.mark.parametrize(
    ("most", "name", "arguments"),
    [(1, "ltp", ["NSE:INFY"]), (3, "historical_data", [408065, "2026-11-20", "2026-11-20", "day"]), (10, "profile", [])],
)
def test_each_class_of_call_has_its_limit(
    kite: OfficialRest, exchange: RunningExchange, most: int, name: str, arguments: list[Any]
) -> None:
    exchange.reset(rate_limits=True, scale=0.0)
    kite.call("set_access_token", exchange.login())
    for _ in range(most):
        kite.call(name, *arguments)
    with pytest.raises(Raised) as raised:
        kite.call(name, *arguments)
    assert (raised.value.kind, raised.value.code, raised.value.message) == ("NetworkException", 429, "Too many requests")
    exchange.control("advance", seconds=1.001)
    kite.call(name, *arguments)


def test_ten_orders_a_second_changes_counted_too(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.reset(rate_limits=True, scale=0.0)
    kite.call("set_access_token", exchange.login())
    order_id = kite.call("place_order", **{**ORDER, "price": 1490.0})
    for _ in range(9):
        kite.call("modify_order", "regular", order_id, price=1490.5)
    with pytest.raises(Raised, match="Too many requests"):
        kite.call("cancel_order", "regular", order_id)
    exchange.control("advance", seconds=1.001)
    kite.call("cancel_order", "regular", order_id)

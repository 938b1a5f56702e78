"""The official KiteConnect, unmodified, does against the exchange all that the terminal does, and reads what the oracle says."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.kite_exchange.browser import fetch, redirect_of
from tests.kite_exchange.official import OfficialRest, Raised
from tests.kite_exchange.process import RunningExchange

INFY = {"exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS"}


def place(kite: OfficialRest, variety: str = "regular", **form: Any) -> str:
    """Place an order on INFY, MIS, LIMIT, unless said."""
    wanted = {"transaction_type": "BUY", "quantity": 10, "order_type": "LIMIT", **INFY, **form}
    return str(kite.call("place_order", variety, **wanted))


def row_of(kite: OfficialRest, order_id: str) -> dict[str, Any]:
    """Find an order in the order book."""
    return next(row for row in kite.call("orders") if row["order_id"] == order_id)


def statuses(kite: OfficialRest, order_id: str) -> list[str]:
    return [row["status"] for row in kite.call("order_history", order_id)]


# Login.


def test_a_login_gives_a_session_and_a_logout_ends_it(kite: OfficialRest, exchange: RunningExchange) -> None:
    profile = kite.call("profile")
    assert (profile["user_id"], profile["broker"]) == (exchange.user_id, "ZERODHA")
    assert kite.call("invalidate_access_token") is True
    with pytest.raises(Raised, match="Incorrect `api_key` or `access_token`") as raised:
        kite.call("profile")
    assert (raised.value.kind, raised.value.code) == ("TokenException", 403)


def test_the_redirect_carries_the_token_and_the_parameters_asked_for(exchange: RunningExchange) -> None:
    exchange.control("register_redirect", url="http://127.0.0.1:9999/callback?from=kite")
    target = urlsplit(redirect_of(f"{exchange.login_url}&redirect_params={quote('state=xyz&more=1')}"))
    facts = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert (target.netloc, target.path) == ("127.0.0.1:9999", "/callback")
    assert {name: facts[name] for name in ("from", "state", "more", "status", "action")} == {
        "from": "kite", "state": "xyz", "more": "1", "status": "success", "action": "login",
    }  # fmt: skip
    assert len(facts["request_token"]) == 32
    assert fetch("GET", f"{exchange.root}/connect/login?v=3&api_key=wrong")[0] == 400
    exchange.control("answer_login", status="cancelled")
    assert "request_token" not in redirect_of(exchange.login_url)


def test_a_wrong_secret_a_used_and_an_old_token_are_refused_each_in_its_words(exchange: RunningExchange, client: OfficialRest) -> None:
    def token() -> str:
        return parse_qs(urlsplit(redirect_of(exchange.login_url)).query)["request_token"][0]

    first = token()
    with pytest.raises(Raised, match="TokenException: Invalid `checksum`"):
        client.call("generate_session", first, "wrong")
    client.call("generate_session", first, exchange.api_secret)
    with pytest.raises(Raised, match="TokenException: Token is invalid or has expired"):
        client.call("generate_session", first, exchange.api_secret)
    old = token()
    exchange.control("advance", seconds=301)
    with pytest.raises(Raised, match="TokenException: Token is invalid or has expired"):
        client.call("generate_session", old, exchange.api_secret)


def test_the_session_dies_at_six_in_the_morning(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("advance", seconds=19 * 3600 + 3540)
    assert kite.call("profile")["user_id"] == exchange.user_id
    exchange.control("advance", seconds=61)
    with pytest.raises(Raised, match="TokenException"):
        kite.call("profile")


# Orders.


def test_a_market_order_fills_at_the_best_ask_and_everybody_tells_the_same(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = place(kite, order_type="MARKET", market_protection=-1, tag="first")
    row = row_of(kite, order_id)
    assert (row["status"], row["filled_quantity"], row["pending_quantity"], row["average_price"]) == ("COMPLETE", 10, 0, 1500.1)
    assert (row["order_type"], row["price"], row["tags"]) == ("LIMIT", 1507.5, ["first", "mktp", "mktp:0.50"])
    assert row["order_timestamp"].startswith("datetime 2026-11-23 10:00:")
    assert statuses(kite, order_id) == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN", "COMPLETE"]
    (trade,) = kite.call("order_trades", order_id)
    assert kite.call("trades") == [trade]
    assert (trade["quantity"], trade["average_price"], trade["order_timestamp"][:5]) == (10, 1500.1, "10:00")
    ledger = exchange.control("ledger")
    assert ledger["positions"] == [
        {"exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "net": 10, "realised": "0", "unrealised": "-1", "last_price": "1500"}
    ]
    (net,) = kite.call("positions")["net"]
    assert (net["quantity"], net["average_price"], net["pnl"], net["buy_value"]) == (10, 1500.1, -1.0, 15001.0)


def test_a_limit_order_rests_is_changed_and_withdrawn(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = place(kite, price=1490.0)
    assert row_of(kite, order_id)["status"] == "OPEN"
    assert kite.call("modify_order", "regular", order_id, quantity=20, price=1491.5) == order_id
    row = row_of(kite, order_id)
    assert (row["status"], row["quantity"], row["price"], row["modified"]) == ("OPEN", 20, 1491.5, True)
    assert kite.call("cancel_order", "regular", order_id) == order_id
    row = row_of(kite, order_id)
    assert [row[f"{name}_quantity"] for name in ("cancelled", "filled", "pending")] == [20, 0, 0]
    exchange.control("configure", warts=True)
    assert (row_of(kite, order_id)["status"], row_of(kite, order_id)["pending_quantity"]) == ("CANCELLED", 20)
    assert statuses(kite, order_id)[4:] == [
        "MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "OPEN", "CANCEL PENDING", "CANCELLED",
    ]  # fmt: skip
    with pytest.raises(Raised, match="OrderException: Order cannot be modified or cancelled as it is cancelled"):
        kite.call("cancel_order", "regular", order_id)


def test_price_comes_before_time_and_time_before_the_markets_depth(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_depth", symbol="INFY", buy=[[1499.0, 100]], sell=[[1501.0, 100]])
    exchange.control("rest_other", symbol="INFY", side="SELL", price=1500.5, quantity=4)
    worse, better = place(kite, price=1499.5), place(kite, price=1500.0)
    same_but_later = place(kite, price=1500.0)
    taker = place(kite, price=1500.5)
    assert (row_of(kite, taker)["filled_quantity"], row_of(kite, taker)["average_price"]) == (4, 1500.5)
    exchange.control("rest_other", symbol="INFY", side="SELL", price=1499.0, quantity=6 + 10 + 5)
    assert [row_of(kite, one)["filled_quantity"] for one in (taker, better, same_but_later, worse)] == [10, 10, 5, 0]
    assert row_of(kite, better)["average_price"] == 1500.0


def test_an_order_larger_than_a_level_walks_through_the_depth(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_depth", symbol="INFY", buy=[[1499.0, 5]], sell=[[1500.0, 3], [1501.0, 4], [1502.0, 100]])
    order_id = place(kite, price=1501.0)
    row = row_of(kite, order_id)
    assert (row["status"], row["filled_quantity"]) == ("OPEN", 7)
    assert row["average_price"] == pytest.approx((3 * 1500 + 4 * 1501) / 7)
    assert [one["quantity"] for one in kite.call("order_trades", order_id)] == [3, 4]


def test_ioc_takes_what_is_there_and_ttl_lapses(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_depth", symbol="INFY", buy=[[1499.0, 5]], sell=[[1500.0, 3]])
    at_once = place(kite, price=1500.0, validity="IOC")
    row = row_of(kite, at_once)
    assert (row["status"], row["filled_quantity"], row["cancelled_quantity"]) == ("CANCELLED", 3, 7)
    brief = place(kite, price=1490.0, validity="TTL", validity_ttl=2)
    exchange.control("advance", seconds=119)
    assert row_of(kite, brief)["status"] == "OPEN"
    exchange.control("advance", seconds=2)
    assert row_of(kite, brief)["status"] == "CANCELLED"


def test_stops_wait_for_the_last_price(kite: OfficialRest, exchange: RunningExchange) -> None:
    stop = place(kite, transaction_type="SELL", order_type="SL-M", trigger_price=1495.0, market_protection=2)
    stop_limit = place(kite, transaction_type="SELL", order_type="SL", trigger_price=1494.0, price=1493.9)
    assert [row_of(kite, one)["status"] for one in (stop, stop_limit)] == ["TRIGGER PENDING"] * 2
    exchange.control("set_price", symbol="INFY", price=1495.1)
    assert row_of(kite, stop)["status"] == "TRIGGER PENDING"
    exchange.control("set_price", symbol="INFY", price=1494.5)
    row = row_of(kite, stop)
    assert (row["status"], row["average_price"]) == ("COMPLETE", 1494.5)
    exchange.control("set_price", symbol="INFY", price=1493.0)
    assert row_of(kite, stop_limit)["status"] == "OPEN", "gapped through its limit: it rests"
    exchange.control("set_price", symbol="INFY", price=1493.9)
    assert (row_of(kite, stop_limit)["status"], row_of(kite, stop_limit)["average_price"]) == ("COMPLETE", 1493.9)


def test_a_protected_market_order_rests_with_what_it_could_not_get(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_depth", symbol="INFY", buy=[[1499.0, 5]], sell=[[1500.0, 3], [1600.0, 100]])
    order_id = place(kite, order_type="MARKET", market_protection=1)
    row = row_of(kite, order_id)
    assert (row["status"], row["order_type"], row["filled_quantity"], row["price"]) == ("OPEN", "LIMIT", 3, 1515.0)
    kite.call("modify_order", "regular", order_id, price=1600.0)
    row = row_of(kite, order_id)
    assert (row["status"], row["average_price"]) == ("COMPLETE", (3 * 1500 + 7 * 1600) / 10), "it is a limit order now, and priced as one"


def test_after_market_orders_wait_for_the_opening(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = place(kite, "amo", price=1500.1)
    assert row_of(kite, order_id)["status"] == "AMO REQ RECEIVED"
    withdrawn = place(kite, "amo", price=1500.1)
    kite.call("cancel_order", "amo", withdrawn)
    exchange.control("open_market")
    assert (row_of(kite, order_id)["status"], row_of(kite, withdrawn)["status"]) == ("COMPLETE", "CANCELLED")


def test_an_iceberg_shows_one_leg_after_another(kite: OfficialRest, exchange: RunningExchange) -> None:
    first = place(kite, "iceberg", quantity=25, price=1490.0, iceberg_legs=3, iceberg_quantity=10, tag="ice")
    assert row_of(kite, first)["meta"]["iceberg"] == {
        "leg": 1, "legs": 3, "leg_quantity": 10, "total_quantity": 25, "remaining_quantity": 15,
    }  # fmt: skip
    exchange.control("set_price", symbol="INFY", price=1489.0)
    rows = sorted(kite.call("orders"), key=lambda row: row["order_id"])
    assert [(row["quantity"], row["status"], row["tag"]) for row in rows] == [
        (10, "COMPLETE", "ice"),
        (10, "COMPLETE", "ice"),
        (5, "COMPLETE", "ice"),
    ]


def test_autoslice_answers_in_both_shapes(kite: OfficialRest, exchange: RunningExchange) -> None:
    future = next(
        one for one in exchange.control("listings", exchange="NFO") if one["key"].startswith("NFO:NIFTY") and one["kind"] == "FUT"
    )
    exchange.control("set_funds", equity=100_000_000)
    form = {"exchange": "NFO", "tradingsymbol": future["key"][4:], "product": "NRML", "quantity": 65 * 60, "price": 25000.0}
    wanted = {"variety": "regular", "transaction_type": "BUY", "order_type": "LIMIT", **form}
    answer = kite.call("place_autoslice_order", **wanted)
    quantities = [row_of(kite, child["order_id"])["quantity"] for child in answer["children"]]
    assert quantities == [1755, 1755, 390]
    assert f"autoslice:{answer['order_id']}" in row_of(kite, answer["children"][0]["order_id"])["tags"]
    exchange.control("configure", autoslice_shape="flat")
    exchange.control("set_funds", equity=7_000_000)
    flat = kite.call("place_autoslice_order", **wanted)
    assert [sorted(child) for child in flat] == [["error"]] * 3
    assert flat[0]["error"]["error_type"] == "MarginException"


# Triggers.


def test_a_single_and_a_two_leg_trigger_fire_once(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_holding", symbol="INFY", quantity=20, price=1200)

    def leg(side: str, price: float) -> dict[str, Any]:
        return {"transaction_type": side, "quantity": 10, "order_type": "LIMIT", "product": "CNC", "price": price}

    single = kite.call("place_gtt", "single", "INFY", "NSE", [1480.0], 1500.0, [leg("BUY", 1481.0)])["trigger_id"]
    legs = [leg("SELL", 1470.0), leg("SELL", 1520.0)]
    double = kite.call("place_gtt", "two-leg", "INFY", "NSE", [1450.0, 1530.0], 1500.0, legs)["trigger_id"]
    kite.call("modify_gtt", double, "two-leg", "INFY", "NSE", [1450.0, 1520.0], 1500.0, legs)
    assert {one["id"]: one["status"] for one in kite.call("get_gtts")} == {single: "active", double: "active"}
    exchange.control("set_price", symbol="INFY", price=1521.0)
    fired = kite.call("get_gtt", double)
    assert (fired["status"], fired["orders"][0]["result"]) == ("triggered", None)
    result = fired["orders"][1]["result"]["order_result"]
    assert (result["status"], row_of(kite, result["order_id"])["status"]) == ("success", "COMPLETE")
    assert kite.call("delete_gtt", single) == {"trigger_id": single}
    assert kite.call("get_gtt", single)["status"] == "deleted"
    exchange.control("set_price", symbol="INFY", price=1479.0)
    assert len(kite.call("orders")) == 1


def test_a_trigger_whose_order_is_refused_says_so(kite: OfficialRest, exchange: RunningExchange) -> None:
    order = {"transaction_type": "SELL", "quantity": 10, "order_type": "LIMIT", "product": "CNC", "price": 1479.0}
    trigger = kite.call("place_gtt", "single", "INFY", "NSE", [1480.0], 1500.0, [order])["trigger_id"]
    exchange.control("set_price", symbol="INFY", price=1480.0)
    row = kite.call("get_gtt", trigger)
    result = row["orders"][0]["result"]["order_result"]
    assert (row["status"], result["status"]) == ("triggered", "failed")
    assert "Insufficient holdings" in result["rejection_reason"]

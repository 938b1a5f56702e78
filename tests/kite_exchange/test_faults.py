"""What can go wrong on the wire does, as scripted, and the oracle knows whether the order came through."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.kite_exchange.official import OfficialRest, Raised
from tests.kite_exchange.process import ControlError, RunningExchange

ORDER = {
    "variety": "regular", "exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "transaction_type": "BUY",
    "order_type": "LIMIT", "price": 1500.1, "quantity": 10, "tag": "once",
}  # fmt: skip


def orders_there(exchange: RunningExchange) -> int:
    return len(exchange.control("orders"))


@pytest.mark.parametrize(
    ("error_type", "status", "seen"),
    [
        ("InputException", 400, "InputException"),
        ("TokenException", 403, "TokenException"),
        ("PermissionException", 403, "PermissionException"),
        ("OrderException", 500, "OrderException"),
        ("MarginException", 400, "GeneralException"),
        ("HoldingException", 400, "GeneralException"),
        ("UserException", 403, "GeneralException"),
        ("NetworkException", 503, "NetworkException"),
        ("NetworkException", 429, "NetworkException"),
        ("DataException", 502, "DataException"),
        ("GeneralException", 500, "GeneralException"),
        ("SomethingNewException", 500, "GeneralException"),
    ],
)
def test_every_error_class_reaches_the_client(
    kite: OfficialRest, exchange: RunningExchange, error_type: str, status: int, seen: str
) -> None:
    exchange.control("fault", how="error", error_type=error_type, status=status, message="as told", path="/orders/*")
    with pytest.raises(Raised) as raised:
        kite.call("place_order", **ORDER)
    assert (raised.value.kind, raised.value.code, raised.value.message) == (seen, status, "as told")
    assert orders_there(exchange) == 0
    assert kite.call("place_order", **ORDER), "it happens once"


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"how": "drop"}, "ConnectionError"),
        ({"how": "drop", "with_reset": True}, "ConnectionError"),
        ({"how": "html", "status": 502}, "DataException"),
        ({"how": "body", "text": '{"status":'}, "DataException"),
        ({"how": "body", "text": '{"status":"success","data":null}'}, "TypeError"),
        ({"how": "body", "text": '{"status":"success","data":{}}'}, "KeyError"),
        ({"how": "body", "text": "ok", "content_type": None}, "KeyError"),
        ({"how": "body", "text": "ok", "content_type": "text/plain"}, "DataException"),
        ({"how": "cut", "at": 150}, "ChunkedEncodingError"),
        ({"how": "cut", "at": 0}, "ConnectionError"),
        ({"how": "error", "status": 504, "error_type": "NetworkException"}, "NetworkException"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_order_is_there_if_and_only_if_it_was_lost_after_its_acceptance(
    kite: OfficialRest, exchange: RunningExchange, fault: dict[str, Any], seen: str, when: str
) -> None:
    exchange.control("fault", method="POST", path="/orders/*", when=when, **fault)
    with pytest.raises(Raised) as raised:
        kite.call("place_order", **ORDER)
    assert raised.value.kind == seen
    happened = when == "after" or fault["how"] == "cut"
    assert orders_there(exchange) == int(happened), "a cut answer is an answer: the exchange had acted"
    assert kite.call("profile")["user_id"] == exchange.user_id, "the next call goes through"


def test_no_answer_at_all(kite: OfficialRest, exchange: RunningExchange) -> None:
    kite.call("timeout", 0.2)
    try:
        for when, count in (("before", 0), ("after", 1)):
            exchange.control("fault", how="silence", path="/orders/*", when=when)
            with pytest.raises(Raised, match="ReadTimeout"):
                kite.call("place_order", **ORDER)
            assert orders_there(exchange) == count
    finally:
        kite.call("timeout", 5.0)


def test_a_delay_is_of_exchange_time(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("set_scale", scale=100)
    before = exchange.control("now")["time_ns"]
    exchange.control("fault", how="delay", seconds=20, path="/user/profile")
    kite.call("profile")
    assert exchange.control("now")["time_ns"] - before >= 20 * 10**9


def test_a_redirect_that_is_followed_leaves_its_trace(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("fault", how="redirect", status=307, location="/orders/regular", path="/orders/*")
    assert kite.call("place_order", **ORDER)
    assert len(exchange.control("calls", path="/orders/regular", method="POST")) == 2, "the official client posts again"
    exchange.control("fault", how="redirect", status=302, location="/elsewhere", path="/orders/*")
    with pytest.raises(Raised):
        kite.call("place_order", **ORDER)
    assert [one["method"] for one in exchange.control("calls", path="/elsewhere")] == ["GET"]


def test_a_token_can_die_in_the_middle(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("fault", how="token", path="/orders", skip=1)
    kite.call("orders")
    with pytest.raises(Raised, match="TokenException"):
        kite.call("orders")
    with pytest.raises(Raised, match="TokenException"):
        kite.call("profile")


def test_an_order_can_be_late_in_the_order_book(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("appear_late", seconds=100, tag="once")
    order_id = kite.call("place_order", **ORDER)
    assert (kite.call("orders"), kite.call("trades"), orders_there(exchange)) == ([], [], 1)
    with pytest.raises(Raised, match="Order not found"):
        kite.call("order_history", order_id)
    assert kite.call("positions")["net"][0]["quantity"] == 10, "it is at work all the same"
    exchange.control("advance", seconds=101)
    assert [row["order_id"] for row in kite.call("orders")] == [order_id]


def test_faults_can_be_skipped_counted_and_left_to_chance(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("fault", how="error", status=500, path="/user/profile", skip=1, count=2)
    outcomes = []
    for _ in range(5):
        try:
            outcomes.append(kite.call("profile")["user_id"])
        except Raised as raised:
            outcomes.append(raised.code)
    assert outcomes == [exchange.user_id, 500, 500, exchange.user_id, exchange.user_id]
    number = exchange.control("fault", how="error", status=500, path="/user/profile", probability=0.5, count=0)
    failed = 0
    for _ in range(40):
        try:
            kite.call("profile")
        except Raised:
            failed += 1
    assert 8 < failed < 32
    assert exchange.control("faults")[0]["acted"] == failed
    exchange.control("clear_faults", number=number)
    assert exchange.control("faults") == []


def test_an_unknown_fault_or_command_is_told_at_once(exchange: RunningExchange) -> None:
    with pytest.raises(ControlError, match="no fault explode; there are"):
        exchange.control("fault", how="explode")
    with pytest.raises(ControlError, match="no command dance"):
        exchange.control("dance")
    with pytest.raises(ControlError, match="unexpected keyword argument"):
        exchange.control("fault", how="drop", colour="red")


@pytest.mark.parametrize("at", [1, 17, 60, 130, 180])
def test_an_answer_is_cut_exactly_at_its_byte(exchange: RunningExchange, at: int) -> None:
    token = exchange.login()
    parts = urlsplit(exchange.root)
    head = f"GET /user/profile HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: token {exchange.api_key}:{token}\r\n\r\n"
    exchange.control("fault", how="cut", at=at, path="/user/profile")
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(head.encode())
        came = b""
        while piece := connection.recv(4096):
            came += piece
    assert len(came) == at
    assert came.startswith(b"HTTP/1.1 200"[:at])


def test_a_server_that_is_down_refuses_and_comes_back_on_its_port(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("go_down")
    with pytest.raises(Raised, match="ConnectionError"):
        kite.call("profile")
    exchange.control("come_up")
    assert kite.call("profile")["user_id"] == exchange.user_id


# An exchange that takes its time.


def test_a_fill_may_come_before_the_cancel(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = kite.call("place_order", **{**ORDER, "price": 1490.0})
    exchange.control("configure", order_latency=5.0)
    assert kite.call("cancel_order", "regular", order_id) == order_id
    assert kite.call("orders")[0]["status"] == "CANCEL PENDING"
    exchange.control("set_price", symbol="INFY", price=1489.0)
    exchange.control("advance", seconds=6)
    assert [kite.call("orders")[0][name] for name in ("status", "filled_quantity")] == ["COMPLETE", 10]


def test_a_partial_fill_may_come_before_the_cancel_and_stays(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = kite.call("place_order", **{**ORDER, "price": 1490.0})
    exchange.control("configure", order_latency=5.0)
    kite.call("cancel_order", "regular", order_id)
    exchange.control("set_depth", symbol="INFY", buy=[], sell=[[1490.0, 4]])
    row = kite.call("orders")[0]
    assert (row["status"], row["filled_quantity"]) == ("CANCEL PENDING", 4)
    exchange.control("advance", seconds=6)
    row = kite.call("orders")[0]
    assert (row["status"], row["filled_quantity"], row["cancelled_quantity"]) == ("CANCELLED", 4, 6)


def test_a_modification_that_a_fill_overtakes_is_not_made(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = kite.call("place_order", **{**ORDER, "price": 1490.0})
    exchange.control("configure", order_latency=5.0)
    kite.call("modify_order", "regular", order_id, quantity=3)
    exchange.control("set_depth", symbol="INFY", buy=[], sell=[[1490.0, 4]])
    exchange.control("advance", seconds=6)
    row = kite.call("orders")[0]
    assert (row["status"], row["quantity"], row["filled_quantity"], row["modified"]) == ("OPEN", 10, 4, False)
    assert [one["status"] for one in kite.call("order_history", order_id)][-2:] == ["NOT MODIFIED", "OPEN"]


def test_an_order_can_say_what_nobody_has_heard_of(kite: OfficialRest, exchange: RunningExchange) -> None:
    order_id = kite.call("place_order", **{**ORDER, "price": 1490.0})
    exchange.control("disguise", order_id=order_id, status="UNDER THE MOON", omens=3)
    row = kite.call("orders")[0]
    assert (row["status"], row["omens"]) == ("UNDER THE MOON", 3)
    exchange.control("disguise", order_id=order_id)
    assert kite.call("orders")[0]["status"] == "OPEN"


# Connections.


def test_an_idle_connection_can_be_cut_under_the_client(kite: OfficialRest, exchange: RunningExchange) -> None:
    kite.call("profile")
    assert exchange.control("cut_connections") >= 1
    assert kite.call("profile")["user_id"] == exchange.user_id, "urllib3 sees that it is closed and opens another"

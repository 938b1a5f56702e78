"""The official KiteTicker, unmodified, reads every packet as it was meant, and comes back as it does at Kite's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kite_exchange.official import OfficialRest, OfficialTicker
from tests.kite_exchange.process import RunningExchange

INFY, NIFTY = 408065, 256265


@pytest.fixture(scope="module")
def process() -> Iterator[OfficialTicker]:
    official = OfficialTicker()
    yield official
    official.close()


@pytest.fixture
def ticker(exchange: RunningExchange, process: OfficialTicker) -> OfficialTicker:
    """Connect a ticker of its own for this test."""
    process.start(exchange, exchange.login())
    process.wait("open")
    return process


def listen(exchange: RunningExchange, ticker: OfficialTicker, tokens: list[int], mode: str) -> None:
    """Subscribe in a mode, and wait until the exchange has heard it."""
    ticker.do("subscribe", tokens)
    ticker.do("set_mode", mode, tokens)
    wait_until_heard(exchange, mode, len(tokens))


def wait_until_heard(exchange: RunningExchange, mode: str, count: int) -> None:
    assert exchange.control("wait_for", sockets=1, tokens=count)
    assert exchange.control("wait_for_mode", mode=mode, tokens=count)


def tick_of(ticker: OfficialTicker, token: int, mode: str, price: float) -> dict[str, Any]:
    """Wait for the tick of an instrument at a price; the frame it came in has no other."""

    def has(facts: dict[str, Any]) -> bool:
        return any((one["instrument_token"], one["mode"], one["last_price"]) == (token, mode, price) for one in facts["ticks"])

    ticks = ticker.wait("ticks", has)["ticks"]
    return next(one for one in ticks if one["instrument_token"] == token)


def test_all_packets_say_what_the_board_says(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    currency = next(one for one in exchange.control("listings", exchange="CDS"))
    bcd = next(one for one in exchange.control("listings", exchange="BCD"))
    nco = next(one for one in exchange.control("listings", exchange="NCO"))
    tokens = [INFY, NIFTY, currency["token"], bcd["token"], nco["token"]]
    listen(exchange, ticker, tokens, "full")
    exchange.control(
        "set_prices", prices={"INFY": 1502.5, currency["key"]: 88.5125, bcd["key"]: 88.4975, nco["key"]: 121007.0, "NIFTY 50": 25011.35}
    )
    exchange.control("set_price", symbol="INFY", price=1498.3, quantity=12)
    tick = tick_of(ticker, INFY, "full", 1498.3)
    quote = exchange.control("quote", symbol="INFY")
    assert tick["ohlc"] == quote["ohlc"]
    assert (tick["volume_traded"], tick["last_traded_quantity"], tick["tradable"]) == (13, 12, True)
    assert tick["depth"] == quote["depth"]
    assert tick["average_traded_price"] == int(100 * (1502.5 + 12 * 1498.3) / 13) / 100
    assert tick["exchange_timestamp"] == tick["last_trade_time"] == exchange.control("now")["time_ns"] // 10**9
    ticker.do("resubscribe")
    index = tick_of(ticker, NIFTY, "full", 25011.35)
    assert index["ohlc"] == {"open": 25011.35, "high": 25011.35, "low": 25011.35, "close": 25000.0}
    assert (index["tradable"], "depth" in index) == (False, False)
    for one, price in ((currency, 88.5125), (bcd, 88.4975), (nco, 121007.0)):
        exchange.control("set_price", symbol=one["key"], price=price)
        assert tick_of(ticker, one["token"], "full", price)["depth"]["buy"][0]["price"] == price


def test_each_mode_has_its_packets_and_unsubscribing_ends_them(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    for mode, price in (("ltp", 1500.5), ("quote", 1501.5), ("full", 1502.5)):
        listen(exchange, ticker, [INFY, NIFTY], mode)
        exchange.control("set_prices", prices={"NIFTY 50": price * 10, "INFY": price})
        tick = tick_of(ticker, INFY, mode, price)
        assert ("ohlc" in tick, "depth" in tick) == (mode != "ltp", mode == "full")
    ticker.do("unsubscribe", [INFY])
    ticker.do("set_mode", "ltp", [NIFTY])
    wait_until_heard(exchange, "ltp", 1)
    exchange.control("set_prices", prices={"INFY": 1510.0, "NIFTY 50": 25100.0})
    last = ticker.wait("ticks", lambda facts: facts["ticks"][-1]["last_price"] == 25100.0)
    assert [one["instrument_token"] for one in last["ticks"]] == [NIFTY]


def test_heartbeats_come_when_nothing_else_does(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    exchange.control("advance", seconds=4.1)
    for _ in range(2):
        assert ticker.wait("message", lambda facts: facts["size"] == 1)["is_binary"]


def test_order_updates_come_for_fills_and_cancels_without_a_subscription(
    exchange: RunningExchange, ticker: OfficialTicker, kite: OfficialRest
) -> None:
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "order_type": "LIMIT", "quantity": 5, "tag": "mine"}
    filled = kite.call("place_order", "regular", transaction_type="BUY", price=1500.1, **form)
    update = ticker.wait("order")["data"]
    assert (update["order_id"], update["status"], update["filled_quantity"], update["tag"]) == (filled, "COMPLETE", 5, "mine")
    assert "modified" not in update
    resting = kite.call("place_order", "regular", transaction_type="BUY", price=1480.0, **form)
    kite.call("modify_order", "regular", resting, price=1481.0)
    kite.call("cancel_order", "regular", resting)
    assert [ticker.wait("order")["data"]["status"] for _ in range(2)] == ["UPDATE", "CANCELLED"], "none for the plain acceptance"


def test_partial_fills_are_told_one_by_one(exchange: RunningExchange, ticker: OfficialTicker, kite: OfficialRest) -> None:
    exchange.control("set_depth", symbol="INFY", buy=[[1499.0, 5]], sell=[[1500.0, 3], [1500.5, 2]])
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "order_type": "LIMIT", "quantity": 9}
    kite.call("place_order", "regular", transaction_type="BUY", price=1501.0, **form)
    told = [ticker.wait("order")["data"] for _ in range(2)]
    assert [(one["status"], one["filled_quantity"], one["unfilled_quantity"]) for one in told] == [("UPDATE", 3, 6), ("UPDATE", 5, 4)]


def test_updates_are_doubled_lost_held_and_shuffled_at_will(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "order_type": "LIMIT", "transaction_type": "BUY", "price": 1500.1}
    exchange.control("updates", duplicate=1.0)
    double = exchange.control("place_elsewhere", quantity=1, **form)
    assert [ticker.wait("order")["data"]["order_id"] for _ in range(2)] == [double] * 2
    exchange.control("updates", drop=1.0)
    exchange.control("place_elsewhere", quantity=1, **form)
    exchange.control("updates", hold=1.0)
    held = [exchange.control("place_elsewhere", quantity=1, **form) for _ in range(8)]
    assert exchange.control("release_updates", shuffle=True) == 8
    came = [ticker.wait("order")["data"]["order_id"] for _ in range(8)]
    assert sorted(came) == held
    assert came != held


def test_texts_and_refusals_reach_the_client(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    exchange.control("send_text", text=json.dumps({"type": "error", "data": "Something is amiss"}))
    assert ticker.wait("error")["reason"] == "Something is amiss"
    ticker.do("subscribe", ["408065"])
    assert "Invalid message" in ticker.wait("error")["reason"]


def test_a_cut_socket_a_closed_one_and_a_server_gone_are_come_back_from(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    listen(exchange, ticker, [INFY], "full")
    exchange.control("close_sockets", abruptly=True)
    assert ticker.wait("close")["code"] == 1006
    ticker.wait("open")
    wait_until_heard(exchange, "full", 1)
    exchange.control("set_price", symbol="INFY", price=1503.0)
    assert tick_of(ticker, INFY, "full", 1503.0), "the client has subscribed again, in its mode"
    exchange.control("go_down")
    ticker.wait("close")
    exchange.control("come_up")
    ticker.wait("open")
    wait_until_heard(exchange, "full", 1)


def test_a_dead_token_is_refused_at_the_door(exchange: RunningExchange, process: OfficialTicker) -> None:
    process.start(exchange, "dead")
    facts = process.wait("error")
    assert (facts["code"], "403" in facts["reason"]) == (1006, True)
    assert exchange.control("sockets") == []


def test_a_frame_cut_at_a_byte_ends_the_socket(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    listen(exchange, ticker, [INFY], "full")
    exchange.control("drain")
    exchange.control("cut_frame", at=60)
    exchange.control("set_price", symbol="INFY", price=1504.0)
    assert ticker.wait("close")["code"] == 1006


def test_any_bytes_can_be_sent(exchange: RunningExchange, ticker: OfficialTicker) -> None:
    exchange.control("send_binary", payload=base64.b64encode(b"\x00\x01\x00\x08\x00\x06\x3a\x01\x00\x00\x00\x64").decode())
    assert ticker.wait("ticks")["ticks"] == [{"tradable": True, "mode": "ltp", "instrument_token": INFY, "last_price": 1.0}]

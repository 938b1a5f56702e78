"""The websocket's own mishaps: a shut door, silence, a cut, an end; and that none comes by itself."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.kite_exchange.browser import fetch
from tests.kite_exchange.certificate import make_certificate
from tests.kite_exchange.process import RunningExchange, start_exchange
from tests.kite_exchange.raw_socket import RawSocket


def test_the_door_of_the_websocket_can_be_shut(exchange: RunningExchange) -> None:
    token = exchange.login()
    url = f"{exchange.root}/?{urlencode({'api_key': exchange.api_key, 'access_token': token})}"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x" * 22 + "=="}
    exchange.control("fault", how="error", status=503, kind="stream")
    assert fetch("GET", url, headers=upgrade)[0] == 503
    exchange.control("fault", how="drop", kind="stream")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        fetch("GET", url, headers=upgrade)


def test_a_silent_socket_says_nothing_not_even_a_heartbeat(exchange: RunningExchange) -> None:
    listener = RawSocket(exchange)
    try:
        listener.send({"a": "subscribe", "v": [408065]})
        assert len(listener.frame()[1]) == 2 + 2 + 44
        exchange.control("go_silent")
        exchange.control("advance", seconds=10)
        exchange.control("set_price", symbol="INFY", price=1501)
        exchange.control("go_silent", silent=False)
        exchange.control("send_text", text="first")
        assert listener.frame() == (1, b"first"), "nothing of the silence comes later"
        exchange.control("stop_ticks")
        exchange.control("set_price", symbol="INFY", price=1502)
        exchange.control("advance", seconds=4)
        assert listener.frame() == (2, b"\0")
    finally:
        listener.close()


def test_one_instrument_can_fall_silent_while_the_others_go_on(exchange: RunningExchange) -> None:
    listener = RawSocket(exchange)
    try:
        listener.send({"a": "subscribe", "v": [408065, 519937]})
        assert listener.frame()[1][:2] == b"\0\2"
        exchange.control("stop_ticks", symbols=["INFY"])
        exchange.control("set_price", symbol="INFY", price=1501)
        exchange.control("set_price", symbol="M&M", price=3601)
        assert int.from_bytes(listener.frame()[1][4:8], "big") == 519937
        exchange.control("clear_faults")
        exchange.control("set_price", symbol="INFY", price=1502)
        assert int.from_bytes(listener.frame()[1][4:8], "big") == 408065
    finally:
        listener.close()


def test_one_of_two_sockets_can_be_singled_out(exchange: RunningExchange) -> None:
    first, second = RawSocket(exchange), RawSocket(exchange)
    try:
        assert exchange.control("wait_for", sockets=2)
        exchange.control("go_silent", number=1)
        exchange.control("send_text", text="heard")
        assert second.frame() == (1, b"heard")
        exchange.control("close_sockets", number=2)
        assert second.frame()[0] == 8
        assert [one["number"] for one in exchange.control("sockets") if one["frames"] == 0] == [1]
    finally:
        first.close()
        second.close()


def test_a_close_code_and_a_cut_frame(exchange: RunningExchange) -> None:
    listener = RawSocket(exchange)
    try:
        exchange.control("close_sockets", code=1001, reason="going away")
        assert listener.frame() == (8, (1001).to_bytes(2, "big") + b"going away")
    finally:
        listener.close()
    listener = RawSocket(exchange)
    try:
        exchange.control("cut_frame", at=9)
        exchange.control("send_text", text="more than nine bytes")
        assert listener.frame() == (-1, b"more th")
    finally:
        listener.close()


def test_no_update_tells_of_an_order_out_of_sight(exchange: RunningExchange) -> None:
    listener = RawSocket(exchange)
    try:
        form = {"exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "transaction_type": "BUY", "order_type": "LIMIT"}
        form |= {"price": "1500.1", "quantity": "10"}
        exchange.control("appear_late", seconds=100)
        exchange.control("place_elsewhere", **form)
        seen = exchange.control("place_elsewhere", **form)
        opcode, payload = listener.frame()
        assert (opcode, json.loads(payload)["data"]["order_id"]) == (1, seen)
        exchange.control("tell_again", order_id=seen)
        assert json.loads(listener.frame()[1])["data"]["order_id"] == seen
    finally:
        listener.close()


def test_a_session_that_ends_closes_its_websocket(exchange: RunningExchange) -> None:
    listener = RawSocket(exchange)
    try:
        exchange.control("advance", seconds=20 * 3600)
        while listener.frame()[0] != -1:
            pass
        assert exchange.control("sockets") == []
    finally:
        listener.close()


def test_a_long_step_loses_no_tick_of_a_client_that_reads(exchange: RunningExchange) -> None:
    exchange.reset(market="walk", instruments=1500, ticks_per_second=2, scale=0.0)
    tokens = [one["token"] for one in exchange.control("listings")]
    listener = RawSocket(exchange)
    packets = 0

    def read() -> None:
        nonlocal packets
        opcode, payload = listener.frame()
        while opcode != 1:
            packets += int.from_bytes(payload[:2], "big") if len(payload) > 2 else 0
            opcode, payload = listener.frame()

    reader = threading.Thread(target=read)
    try:
        for start in range(0, 1500, 500):
            listener.send({"a": "subscribe", "v": tokens[start : start + 500]})
        assert exchange.control("wait_for", tokens=1500)
        reader.start()
        exchange.control("advance", seconds=60)
        exchange.control("send_text", text="over")
        reader.join(30)
        assert packets == 1500 + 1500 * 2 * 60
        assert exchange.control("sockets")[0]["dropped"] == 0
    finally:
        listener.close()


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    with start_exchange(certificate=str(make_certificate(tmp_path))) as secured:
        assert secured.root.startswith("https://")
        assert secured.ws_root.startswith("wss://")
        parts = urlsplit(secured.root)
        with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection((parts.hostname or "", parts.port or 0)) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")

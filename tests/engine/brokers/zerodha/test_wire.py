"""The socket carries a secret: it goes to one server only, encrypted, and into no log."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidMessage
from websockets.frames import Close

from engine.brokers.zerodha.wire import KITE_ROOT, LOST, address_of, dial, drop, explain, is_refusal
from engine.core.errors import InvalidOption
from tests.engine.brokers.zerodha.feed_server import FeedServer


@pytest.mark.parametrize("root", [KITE_ROOT, "wss://ws.kite.trade/", "ws://127.0.0.1:8000", "ws://localhost", "ws://[::1]:80"])
def test_the_address_carries_key_and_token_escaped(root: str) -> None:
    assert address_of(root, "k&y", "t+ken") == f"{root.rstrip('/')}/?api_key=k%26y&access_token=t%2Bken"


@pytest.mark.parametrize("root", ["ws://ws.kite.trade", "https://ws.kite.trade", "ws.kite.trade", "", "ws://127.0.0.1.evil.example"])
def test_a_token_never_leaves_the_machine_unencrypted(root: str) -> None:
    with pytest.raises(InvalidOption, match=r"Expected a feed address like wss://ws\.kite\.trade, was .*; use wss\."):
        address_of(root, "key", "secret-token")


async def refused(status: HTTPStatus) -> tuple[BaseException, list[str]]:
    server = FeedServer()
    await server.listen()
    server.status = status
    try:
        with pytest.raises(LOST) as caught:
            await dial(address_of(f"ws://127.0.0.1:{server.port}", "key", "secret-token"))
        return caught.value, server.paths
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("status", "is_final"), [(401, True), (403, True), (400, False), (429, False), (500, False), (502, False), (302, False), (307, False)]
)
def test_only_a_refused_session_is_final_and_no_redirect_is_followed(status: int, is_final: bool, loop_run: Callable[..., Any]) -> None:
    error, paths = loop_run(refused(HTTPStatus(status)))
    assert is_refusal(error) is is_final
    assert explain(error) == f"the feed answered {status}"
    assert len(paths) == 1


def test_nothing_of_the_address_reaches_the_log(caplog: pytest.LogCaptureFixture, loop_run: Callable[..., Any]) -> None:
    caplog.set_level(logging.DEBUG)

    async def talk() -> None:
        server = FeedServer()
        await server.listen()
        socket = await dial(address_of(f"ws://127.0.0.1:{server.port}", "secret-key", "secret-token"))
        assert socket.request is not None
        assert socket.request.headers["X-Kite-Version"] == "3"
        assert "Sec-WebSocket-Extensions" not in socket.request.headers
        await drop(socket)
        await server.stop()

    loop_run(talk())
    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert not [line for line in ours if "secret" in line]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"])
def test_a_proxy_of_the_environment_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch, loop_run: Callable[..., Any]) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def talk() -> None:
        server = FeedServer()
        await server.listen()
        await drop(await dial(f"ws://127.0.0.1:{server.port}/"))
        await server.stop()
        assert server.paths == ["/"]

    loop_run(talk())


def test_a_server_without_a_certificate_that_can_be_checked_is_not_spoken_to(loop_run: Callable[..., Any]) -> None:
    heard: list[bytes] = []

    async def talk() -> BaseException:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(4_096))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LOST) as caught:
            await dial(address_of(f"wss://127.0.0.1:{port}", "secret-key", "secret-token"))
        server.close()
        await server.wait_closed()
        return caught.value

    assert explain(loop_run(talk())).startswith("the feed cannot be reached (")
    assert b"secret" not in b"".join(heard)


def test_why_it_was_lost_is_said_in_a_few_words() -> None:
    assert explain(ConnectionClosedError(Close(1011, "oops"), None)) == "the feed was cut (1011)"
    assert explain(ConnectionClosedError(None, None)) == "the feed was cut"
    assert explain(ConnectionRefusedError(111, "Connection refused")) == "the feed cannot be reached (Connection refused)"
    assert explain(TimeoutError()) == "the feed cannot be reached (TimeoutError)"
    assert explain(ssl.SSLError(1, "bad certificate")) == "the feed cannot be reached (bad certificate)"
    assert explain(InvalidMessage("did not receive a valid HTTP response")) == "the feed answered with something else than a websocket"

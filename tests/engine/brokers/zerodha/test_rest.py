"""The official client over a real socket whose other end answers as the test says, or breaks off."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.brokers.zerodha.limiter import Call, Limiter
from engine.brokers.zerodha.rest import KiteRest
from engine.brokers.zerodha.secrets import Secret
from engine.clock import SystemClock
from engine.core.errors import (
    AuthenticationError,
    BrokerError,
    ConnectionLost,
    InvalidOption,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)
from tests.engine.brokers.zerodha.clocks import JumpingClock

ORDER = {
    "variety": "regular", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 1, "product": "MIS",
    "order_type": "MARKET", "tag": "T1",
}  # fmt: skip


def answer(status: int, body: str, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def success(data: Any) -> bytes:
    return answer(200, json.dumps({"status": "success", "data": data}))


class Server:
    """Answers each connection with the next of its bytes; keeps what it was sent."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.requests: list[str] = []
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.requests.append(self._read(connection))
                if said := (self._answers.pop(0) if self._answers else None):
                    connection.sendall(said)

    @staticmethod
    def _read(connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data and not data.startswith(b"\x16") and (part := connection.recv(65_536)):
            data += part  # 0x16 begins a greeting in TLS
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
        while len(body) < length and (part := connection.recv(65_536)):
            body += part
        return (head + b"\r\n\r\n" + body).decode("latin-1")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def talking(*answers: bytes | None, token: str = "tok") -> Iterator[tuple[KiteRest, Server]]:
    """Open a REST side against a server that answers so."""
    server = Server(list(answers))
    rest = KiteRest("KEY", Limiter(SystemClock()), root=server.root)
    try:
        rest.open()
        rest.use_token(Secret(token) if token else None)
        yield rest, server
    finally:
        rest.close()
        server.close()


def test_a_read_and_a_write_carry_the_token(loop_run: Any) -> None:
    with talking(success([]), success({"order_id": "151220000000000"})) as (rest, server):
        assert loop_run(rest.read(Call.OTHER, "orders")) == []
        assert loop_run(rest.write("place_order", **ORDER, is_new_order=True)) == "151220000000000"
    assert "Authorization: token KEY:tok" in server.requests[0]
    assert server.requests[1].startswith("POST /orders/regular")
    assert "tag=T1" in server.requests[1]
    assert rest.limiter.placed_today == 1


BROKEN = {
    "closed without a word": None,
    "truncated": b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"status": "succ',
    "no length, cut": b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"status": "success", "data": {"ord',
    "no HTTP": b"hello\r\n\r\n",
    "page": answer(502, "<html>Bad gateway</html>", "text/html"),
    "order may exist": answer(503, json.dumps({"status": "error", "error_type": "NetworkException", "message": "OMS"})),
    "no number": success({}),
    "empty number": success({"order_id": ""}),
    "null": success(None),
    "list": success([1]),
    "no content type": b"HTTP/1.1 500 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    **{f"redirect {code}": answer(code, "", more="Location: /orders/elsewhere\r\n") for code in (301, 302, 303, 307, 308)},
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_leaves_a_write_unknown_and_sends_nothing_twice(loop_run: Any, case: str) -> None:
    with talking(BROKEN[case], success({"order_id": "2"})) as (rest, server), pytest.raises(OutcomeUnknown):
        loop_run(rest.write("place_order", **ORDER))
    assert len(server.requests) == 1


def test_no_one_listening_is_not_sent(loop_run: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    rest = KiteRest("KEY", Limiter(SystemClock()), root=f"http://127.0.0.1:{port}")
    rest.open()
    rest.use_token(Secret("tok"))
    try:
        with pytest.raises(ConnectionLost, match="Not sent"):
            loop_run(rest.write("place_order", **ORDER))
    finally:
        rest.close()


def test_what_speaks_no_tls_was_sent_no_order(loop_run: Any) -> None:
    with talking(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b" " * 64) as (_, server):
        rest = KiteRest("KEY", Limiter(SystemClock()), root=server.root.replace("http", "https"))
        rest.open()
        rest.use_token(Secret("tok"))
        try:
            with pytest.raises(ConnectionLost, match="speaks no TLS"):
                loop_run(rest.write("place_order", **ORDER))
        finally:
            rest.close()
    assert "POST" not in "".join(server.requests)


def test_a_success_without_a_content_type_is_a_success(loop_run: Any) -> None:
    body = '{"status": "success", "data": {"order_id": "7"}}'
    bare = f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
    with talking(bare) as (rest, _):
        assert loop_run(rest.write("place_order", **ORDER)) == "7"


def test_a_definite_no_is_a_rejection(loop_run: Any) -> None:
    refusal = answer(400, json.dumps({"status": "error", "error_type": "InputException", "message": "Invalid `quantity`.", "data": None}))
    with talking(refusal) as (rest, _), pytest.raises(OrderRejected, match="Invalid `quantity`"):
        loop_run(rest.write("place_order", **ORDER))


def test_too_many_requests_let_the_class_rest(loop_run: Any) -> None:
    refusal = answer(429, json.dumps({"status": "error", "error_type": "NetworkException", "message": "Too many"}))
    with talking(refusal, refusal, success({"order_id": "1"})) as (rest, server):
        rest.limiter = Limiter(JumpingClock())
        rest.limiter.refused(Call.ORDER)
        for _ in range(2):
            with pytest.raises(RateLimited, match="fewer requests"):
                loop_run(rest.write("place_order", **ORDER))
        with pytest.raises(RateLimited, match="Not sent"):
            loop_run(rest.write("place_order", **ORDER))
        assert len(server.requests) == 2
        assert loop_run(rest.write("cancel_order", "regular", "1", is_urgent=True)) == "1"


def test_a_dead_token_is_told(loop_run: Any) -> None:
    refusal = answer(403, json.dumps({"status": "error", "error_type": "TokenException", "message": "Incorrect access_token."}))
    told: list[str] = []
    with talking(refusal) as (rest, _):
        rest.on_dead_token = told.append
        with pytest.raises(AuthenticationError, match="log in again"):
            loop_run(rest.read(Call.OTHER, "orders"))
    assert len(told) == 1


def test_a_question_that_was_not_answered_is_asked_once_more(loop_run: Any) -> None:
    with talking(None, success([])) as (rest, server):
        assert loop_run(rest.read(Call.OTHER, "orders")) == []
    assert len(server.requests) == 2
    with talking(None, None, None) as (rest, server), pytest.raises(ConnectionLost, match="did not answer"):
        loop_run(rest.read(Call.OTHER, "orders"))
    assert len(server.requests) == 2


def test_a_question_that_came_too_fast_is_asked_again_after_a_rest(loop_run: Any) -> None:
    refusal = answer(429, json.dumps({"status": "error", "error_type": "NetworkException", "message": "Too many"}))
    with talking(refusal, refusal, success([])) as (rest, server):
        clock = JumpingClock()
        rest.limiter = Limiter(clock)
        assert loop_run(rest.read(Call.HISTORY, "orders")) == []
        assert len(server.requests) == 3
        assert clock.monotonic_ns() >= 3 * 10**9, "a second, then two"
    with talking(refusal, refusal, refusal) as (rest, server):
        rest.limiter = Limiter(JumpingClock())
        with pytest.raises(RateLimited, match="fewer requests"):
            loop_run(rest.read(Call.HISTORY, "orders"))
    assert len(server.requests) == 3


def test_an_answer_that_lacks_its_data_is_told(loop_run: Any) -> None:
    with talking(answer(200, '{"status": "success"}')) as (rest, _), pytest.raises(BrokerError, match="not what it should be"):
        loop_run(rest.read(Call.OTHER, "orders"))


def test_nothing_is_asked_without_a_session(loop_run: Any) -> None:
    rest = KiteRest("KEY", Limiter(SystemClock()))
    with pytest.raises(AuthenticationError, match="log in"):
        loop_run(rest.read(Call.OTHER, "orders"))
    rest.use_token(Secret("tok"))
    with pytest.raises(AuthenticationError, match="connect first"):
        loop_run(rest.write("cancel_order", "regular", "1"))
    rest.close()


@pytest.mark.parametrize("root", ["http://api.kite.trade", "ftp://127.0.0.1", "api.kite.trade", "http://evil.example:80"])
def test_a_token_is_never_sent_in_the_clear(root: str) -> None:
    with pytest.raises(InvalidOption, match="https"):
        KiteRest("KEY", Limiter(SystemClock()), root=root).open()


def test_proxies_of_the_environment_are_not_asked(loop_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with talking(success([])) as (rest, _):
        assert loop_run(rest.read(Call.OTHER, "orders")) == []

"""The typed client over a connection that breaks: what only reads is asked again, what changes something never."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from terminal.api.client import ApiError, Client
from terminal.api.tokens import proof_of

pytestmark = pytest.mark.logs_warnings
TOKEN = "a token"


class Breaking(ThreadingHTTPServer):
    """Knows the token, and lets go of so many connections in answer to other calls."""

    daemon_threads = True

    def __init__(self, breaks: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.breaks = breaks
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Breaking

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        if url.path == "/api/hello":
            body = {"proofs": [proof_of(TOKEN, parse_qs(url.query)["nonce"][0])]}
        else:
            self.server.asked.append(f"{method} {url.path}")
            if len(self.server.asked) <= self.server.breaks:
                self.close_connection = True
                return
            body = {"orders": []}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def client_of(breaks: int) -> Iterator[tuple[Client, Breaking]]:
    with Breaking(breaks) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{server.server_port}", token=TOKEN) as client:
                yield client, server
        finally:
            server.shutdown()
            thread.join()


def test_a_reading_call_whose_connection_broke_is_asked_once_more() -> None:
    with client_of(breaks=1) as (client, server):
        assert client.orders() == []
        assert server.asked == ["GET /api/orders"] * 2


def test_it_is_not_asked_a_third_time() -> None:
    with client_of(breaks=5) as (client, server):
        with pytest.raises(ApiError, match="was no answer"):
            client.orders()
        assert len(server.asked) == 2


def test_a_call_that_changes_something_is_never_sent_again() -> None:
    with client_of(breaks=1) as (client, server):
        with pytest.raises(ApiError, match="was no answer"):
            client.kill("to see")
        assert server.asked == ["POST /api/kill"]

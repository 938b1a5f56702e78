"""Gets a request token: the browser shows Zerodha's own login page, and comes back to a door on this machine that opens once.

Password and TOTP are typed into Zerodha's page alone. The door listens on the loopback only, takes one visitor who knows a random word,
and shuts; who has no such door pastes the address that the browser ended at.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from engine.clock import Clock
from engine.core.errors import AuthenticationError

PAGE = "https://kite.zerodha.com/connect/login"
PORT = 8711
"""Of the redirect URL that is registered for the app: http://127.0.0.1:8711/"""

WAITS_S = 300.0
"""How long the door stays open: for a password, a TOTP, and a second try."""

_LOOKS_S = 0.2
_HEADERS_S = 5.0
_DONE = b"<!doctype html><meta charset=utf-8><title>Shikra</title><p>Logged in. This page can be closed.</p>"
_FAILED = b"<!doctype html><meta charset=utf-8><title>Shikra</title><p>Not logged in. This page can be closed; try again in Shikra.</p>"
_TOKEN = re.compile(r"^[A-Za-z0-9]{6,128}$")


def redirect_url(port: int = PORT) -> str:
    """Return the redirect URL to register for the app in the developer console."""
    return f"http://127.0.0.1:{port}/"


def login_url(api_key: str, state: str, page: str = PAGE) -> str:
    """Return the address of the login page; it hands `state` back with its redirect."""
    return f"{page}?{urlencode({'v': '3', 'api_key': api_key, 'redirect_params': urlencode({'state': state})})}"


def request_token_of(pasted: str) -> str:
    """Return the request token of an address that the browser ended at, or a bare token; raises AuthenticationError for neither."""
    text = pasted.strip().strip("\"'")
    if _TOKEN.match(text):
        return text
    return _token_of(parse_qs(urlsplit(text).query))


def _token_of(fields: dict[str, list[str]]) -> str:
    token, status = fields.get("request_token", [""])[0], fields.get("status", ["success"])[0]
    if status != "success":
        raise AuthenticationError(f"Zerodha did not log in ({status[:40]}); try again.")
    if not _TOKEN.match(token):
        raise AuthenticationError("Expected the address with request_token=... that the browser ended at, was another; paste all of it.")
    return token


class Doorway:
    """Waits on the loopback for the browser to come back."""

    def __init__(self, clock: Clock, port: int = PORT) -> None:
        """Take the port, 0 for any free one; raises AuthenticationError when another program has it."""
        self.state = secrets.token_urlsafe(24)
        self._clock = clock
        self._closed = Event()
        self._found: dict[str, list[str]] | None = None
        try:
            self._server = _Server(("127.0.0.1", port), _handler_of(self))
        except OSError:
            raise AuthenticationError(
                f"Expected port {port} of this machine to be free for the login, was taken; end what uses it, or paste the address."
            ) from None
        self.port = int(self._server.server_address[1])

    def wait(self, timeout_s: float = WAITS_S) -> str:
        """Return the request token once the browser has come back; raises AuthenticationError when it does not, or without one."""
        until_ns = self._clock.monotonic_ns() + round(timeout_s * 1e9)
        try:
            while self._found is None and not self._closed.is_set() and self._clock.monotonic_ns() < until_ns:
                self._server.handle_request()
        finally:
            self._server.server_close()
        if self._found is None:
            raise AuthenticationError(
                f"The browser did not come back to {redirect_url(self.port)}; register that as the app's redirect URL in the developer "
                "console, or paste the address that the browser ended at."
            )
        return _token_of(self._found)

    def close(self) -> None:
        """Let nobody in any more; from any thread."""
        self._closed.set()

    def admit(self, path: str) -> bytes | None:
        """Look at a visitor's path; returns the page to show, None for one who does not know the word."""
        fields = parse_qs(urlsplit(path).query)
        if self._found is not None or not secrets.compare_digest(fields.get("state", [""])[0].encode(), self.state.encode()):
            return None
        self._found = fields
        return _DONE if fields.get("status", ["success"])[0] == "success" and "request_token" in fields else _FAILED


class _Server(TCPServer):
    allow_reuse_address = os.name != "nt"  # there it would let another program share the port
    timeout = _LOOKS_S

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a visitor who breaks off go without a word."""


def _handler_of(doorway: Doorway) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _HEADERS_S

        def do_GET(self) -> None:
            """Answer a visitor."""
            page = doorway.admit(self.path)
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page or b"")))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Security-Policy", "default-src 'none'")
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing: the path holds the token."""

    return Handler

"""Who may come in to the REST API, asked before anything else: the right host, no foreign page, a token, a small body, no loitering.

A browser page of anybody's can reach the loopback; it cannot send our token, and what it does send gives it away. Nothing is told to
one who has no token, not even which paths there are.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from engine.clock import Clock
from terminal.api.tokens import Scope, Tokens

ASGIScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[ASGIScope, Receive, Send], Awaitable[None]]

HELLO = "/api/hello"
"""The one path without a token: the server proves there that it knows one."""

MOST_BYTES = 64 * 1024
BODY_S = 5.0
"""So long a body may take to arrive."""
WRONG_TOKENS = 20
LOCKED_NS = 60_000_000_000
"""So many wrong tokens within this time lock the door for as long."""
CHANGES = frozenset({"POST", "PUT", "DELETE", "PATCH"})
SCOPE = "shikra.scope"
"""Under which name the token's scope travels with a request."""


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def error_body(kind: str, message: str) -> dict[str, Any]:
    """Make the body of every answer that is a no: what was expected and what to do."""
    return {"error": {"type": kind, "message": message}}


class Gate:
    """Stands before the application."""

    def __init__(self, app: App, tokens: Tokens, clock: Clock, port: int) -> None:
        self._app, self._tokens, self._clock = app, tokens, clock
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._wrong: deque[int] = deque()

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope[SCOPE] = self._admit(scope)
            if scope["type"] == "http":
                receive = await self._body(scope, receive)
        except Refused as refused:
            await _refuse(scope, receive, send, refused)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: ASGIScope) -> Scope | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host", "") not in self._hosts or sum(name == b"host" for name, _ in scope["headers"]) != 1:
            raise Refused(421, "wrong_host", f"Expected the host {sorted(self._hosts)[0]}, was another; call that address.")
        if headers.get("origin", next(iter(self._origins))) not in self._origins:
            raise Refused(403, "foreign_origin", "Expected no page of another site, was one; call from a script.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Refused(403, "foreign_origin", "Expected no page of another site, was one; call from a script.")
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            raise Refused(403, "no_preflight", "Expected a request of a script, was a browser's question before one; call from a script.")
        if scope["path"] == HELLO and scope.get("method") == "GET":
            return None
        return self._scope_of(headers.get("authorization", ""))

    def _scope_of(self, authorization: str) -> Scope:
        now_ns = self._clock.monotonic_ns()
        while self._wrong and self._wrong[0] <= now_ns - LOCKED_NS:
            self._wrong.popleft()
        if len(self._wrong) >= WRONG_TOKENS:
            raise Refused(429, "locked", "Expected fewer wrong tokens, were too many; wait a minute.")
        kind, _, token = authorization.partition(" ")
        found = self._tokens.scope_of(token.strip()) if kind.lower() == "bearer" else None
        if found is None:
            if authorization:
                self._wrong.append(now_ns)
            raise Refused(
                401, "no_token", "Expected the header Authorization: Bearer TOKEN, was none that is known; get one by `shikra token`."
            )
        return found

    async def _body(self, scope: ASGIScope, receive: Receive) -> Receive:
        """Read the body, small and in time, and hand it on whole."""
        body = b""
        if scope["method"] in CHANGES or _has_body(scope):
            try:
                body = await asyncio.wait_for(_read(receive), BODY_S)
            except TimeoutError:
                raise Refused(408, "too_slow", f"Expected the body within {BODY_S:g} s, was none; send it at once.") from None
            if body and _content_type(scope) != "application/json":
                raise Refused(415, "not_json", "Expected Content-Type: application/json, was another; send JSON.")
        is_sent = False

        async def again() -> MutableMapping[str, Any]:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again


def _has_body(scope: ASGIScope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names


def _content_type(scope: ASGIScope) -> str:
    found = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return str(found.decode("latin-1").partition(";")[0].strip().lower())


async def _read(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "gone", "Expected a whole body, was a part; send it again.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise Refused(413, "too_large", f"Expected a body of at most {MOST_BYTES // 1024} KB, was more; send less.")
        if not message.get("more_body", False):
            return b"".join(parts)


async def _refuse(scope: ASGIScope, receive: Receive, send: Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refused.kind})
        return
    body = json.dumps(error_body(refused.kind, refused.message)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""One HTTP call as the exchange sees it, and the answer it makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.kite_exchange.errors import KiteError, wrong_input

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange


@dataclass(slots=True)
class Call:
    """Method, path and what came with it; `query` and `form` keep the last of a repeated name, `many` keeps all."""

    method: str
    path: str
    query: dict[str, str]
    many: dict[str, list[str]]
    form: dict[str, str]
    body: bytes
    headers: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)  # from the path
    kind: str = "other"
    token: str = ""

    @classmethod
    async def read(cls, request: web.Request) -> Call:
        """Take a request off the wire."""
        pairs = parse_qsl(request.query_string, keep_blank_values=True)
        many: dict[str, list[str]] = {}
        for name, value in pairs:
            many.setdefault(name, []).append(value)
        body = await request.read()
        is_form = request.content_type == "application/x-www-form-urlencoded"
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True)) if is_form else {}
        return cls(request.method, request.path, dict(pairs), many, form, body, request.headers, dict(request.match_info))

    def json(self) -> Any:
        """Return the JSON body.

        Raises:
            KiteError: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise wrong_input("Invalid JSON payload.") from error

    def facts(self) -> dict[str, Any]:
        """Return what a test may want to know of it, the token left out."""
        header = self.headers.get("Authorization", "")
        return {
            "method": self.method,
            "path": self.path,
            "kind": self.kind,
            "query": self.many,
            "form": self.form,
            "version": self.headers.get("X-Kite-Version"),
            "user_agent": self.headers.get("User-Agent"),
            "is_authorised": header.startswith("token "),
        }


@dataclass(slots=True)
class Answer:
    """A status, a body and its kind; `raw` is what goes over the wire."""

    status: int
    body: bytes
    content_type: str | None = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, date: str) -> web.Response:
        """Return it for aiohttp to send."""
        response = web.Response(status=self.status, body=self.body, headers={**self.headers, "Date": date})
        if self.content_type is not None:
            response.content_type = self.content_type
        return response

    def raw(self, date: str) -> bytes:
        """Return the exact bytes, head and body, so that they can be cut anywhere."""
        head = [f"HTTP/1.1 {self.status} Answer", f"Content-Length: {len(self.body)}", f"Date: {date}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.content_type is not None:
            head.append(f"Content-Type: {self.content_type}")
        return "\r\n".join([*head, "", ""]).encode() + self.body


def success(data: Any) -> Answer:
    """Answer with data."""
    return Answer(200, json.dumps({"status": "success", "data": data}, separators=(",", ":")).encode())


def refusal(error: KiteError) -> Answer:
    """Answer with a refusal."""
    return Answer(error.status, json.dumps(error.body()).encode())


Handler = Callable[["Exchange", Call], Any]
"""Makes the data of an answer, or a whole Answer; raises KiteError."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path of Kite's, who answers it, and under which limit."""

    method: str
    path: str
    handler: Handler
    kind: str = "other"
    needs_session: bool = True
    needs_data: bool = False
    needs_ip: bool = False


ROUTES: list[Route] = []


def route(method: str, path: str, kind: str = "other", **needs: bool) -> Callable[[Handler], Handler]:
    """Register a handler for a path."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, handler, kind, **needs))
        return handler

    return register

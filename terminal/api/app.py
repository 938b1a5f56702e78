"""The application behind the gate: every row of the routes made an endpoint, every no worded alike, nothing loaded from outside.

A boundary: what the caller can mend is told in a sentence; what nobody foresaw has halted new risk by the time it is told.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from engine.clock import Clock
from engine.core.errors import BrokerError, InvalidOption, InvalidOrder, TradingError, UnknownSymbol, UnknownTemplate, UserError
from terminal.api.backend import Backend
from terminal.api.gate import SCOPE, Refused, error_body
from terminal.api.routes import GROUPS, ROUTES
from terminal.api.schemas import ErrorBody
from terminal.api.tokens import Scope, Tokens

log = logging.getLogger(__name__)

UNPROCESSABLE = (InvalidOption, InvalidOrder, UnknownSymbol, UnknownTemplate)
NO = {
    400: "not understood",
    401: "no token",
    403: "not allowed with this token, or from here",
    404: "not there",
    409: "not possible as things stand",
    422: "expected otherwise",
    429: "too many wrong tokens",
    503: "the broker cannot do it now",
}


def make_app(backend: Backend, tokens: Tokens, streams: Any, clock: Clock) -> FastAPI:
    """Make the application of a desk."""
    app = FastAPI(
        title="Shikra",
        version="1",
        description="Drives the strategies of a running Shikra terminal. Every call needs the header `Authorization: Bearer TOKEN`.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    groups = {name: group(backend, tokens, clock) for name, group in GROUPS.items()}
    for route in ROUTES:
        handler = getattr(groups[route.group], route.name)
        app.add_api_route(
            route.path,
            handler,
            methods=[route.method],
            status_code=route.status,
            response_model=handler.__annotations__["return"] if not isinstance(handler.__annotations__["return"], str) else None,
            summary=route.title,
            name=route.name,
            operation_id=f"{route.group}_{route.name}",
            tags=[route.group],
            dependencies=[] if route.scope is None else [Depends(_needs(route.scope, backend, is_trade=route.is_trade))],
            responses={status: {"model": ErrorBody, "description": text} for status, text in NO.items()},
        )
    app.add_api_websocket_route("/api/stream", streams.serve)
    _add_documents(app)
    _add_refusals(app)
    return app


def _needs(scope: Scope, backend: Backend, *, is_trade: bool) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        held, wanted = request.scope[SCOPE], scope
        if is_trade and backend.view.mode == "live":
            wanted = Scope.LIVE
        if held is None or held < wanted:
            name = wanted.name.lower()
            raise Refused(403, "scope", f"Expected a token of scope {name}, was one for less; get one by `shikra token --scope {name}`.")
        if wanted is Scope.LIVE and is_trade and not backend.is_armed:
            raise Refused(403, "not_armed", "Expected real money to be armed, was not; arm it in the window (Connect), or by --arm-live.")

    return check


def _add_documents(app: FastAPI) -> None:
    async def openapi() -> JSONResponse:
        return JSONResponse(_document(app))

    async def docs() -> HTMLResponse:
        return HTMLResponse(_page(_document(app)))

    app.add_api_route("/api/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)


def _document(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        made = app.openapi()
        made.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"token": []}]
        for path, methods in made["paths"].items():
            for operation in methods.values():
                if path == "/api/hello":
                    operation["security"] = []
        app.openapi_schema = made
    return app.openapi_schema


def _page(document: dict[str, Any]) -> str:
    """Draw the endpoints as one page without a script."""
    rows = "".join(
        f"<tr><td><b>{method.upper()}</b></td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(operation.get('summary', ''))}</td></tr>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        "<!doctype html><meta charset=utf-8><title>Shikra: REST API</title>"
        "<style>body{font:15px system-ui;margin:2rem;max-width:70rem}td{padding:.3rem .8rem;border-bottom:1px solid #ccc}"
        "@media(prefers-color-scheme:dark){body{background:#0f1317;color:#dde}}</style>"
        f"<h1>Shikra: REST API</h1><p>{html.escape(document['info']['description'])}"
        f" The whole description is <code>/api/openapi.json</code>.</p><table>{rows}</table>"
    )


def _add_refusals(app: FastAPI) -> None:
    async def on_refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return _no(error.status, error.kind, error.message)

    async def on_trading_error(request: Request, error: Exception) -> JSONResponse:
        status = 422 if isinstance(error, UNPROCESSABLE) else 503 if isinstance(error, BrokerError) else 409
        kind = "invalid" if status == 422 else "broker" if status == 503 else "conflict" if isinstance(error, UserError) else "failed"
        return _no(status, kind, str(error))

    async def on_validation(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _no(422, "invalid", _worded(error))

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        texts = {404: "Expected a path of this API, was another; see /docs.", 405: "Expected another method for this path; see /docs."}
        return _no(
            error.status_code,
            "not_found" if error.status_code == 404 else "http",
            texts.get(error.status_code, str(error.detail)),
            error.headers,
        )

    async def on_anything(request: Request, error: Exception) -> JSONResponse:
        log.critical("%s %s failed", request.method, request.url.path, exc_info=error)
        return _no(500, "failed", "Expected no failure here, was one; see the terminal's log.")

    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(TradingError, on_trading_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_anything)


def _worded(error: RequestValidationError) -> str:
    """Say what was expected of the first thing that is wrong, and where it stands."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "path", "query")) or "the body"
    if first["type"] == "extra_forbidden":
        return f"Expected no field {place}, was one; leave it out, or see /docs."
    if first["type"] == "missing":
        return f"Expected {place}, was not there; add it."
    if first["type"] == "json_invalid":
        return "Expected JSON, was otherwise; check quotes and commas."
    return f"Expected otherwise of {place}: {first['msg']}; change it."


def _no(status: int, kind: str, message: str, headers: Any = None) -> JSONResponse:
    return JSONResponse(error_body(kind, message), status_code=status, headers=headers)

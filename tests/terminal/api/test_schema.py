"""Thousands of odd requests at a live server: never a failure of ours, and never an answer that its own description does not foresee."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from terminal.api.routes import ROUTES, Route
from terminal.api.tokens import Scope
from tests.terminal.api.conftest import Server, end, start

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 80
"""For each operation."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server of its own, for it will be killed, and a strategy that is there."""
    server = start(tmp_path_factory.mktemp("schema"), "--port", "0")
    try:
        with server.client(Scope.PAPER) as client:
            body = {"name": "Target", "strategy_type": "ema_crossover", "parameters": {"symbols": ["RELIANCE"]}}
            yield server, client.post("/api/strategies", json=body).json()["id"]
    finally:
        end(server)


@pytest.fixture(scope="module")
def api_schema(target: tuple[Server, str]) -> Any:
    server = target[0]
    document = httpx.get(f"{server.url}/api/openapi.json", headers=server.headers()).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    return schema


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_request_brings_out_a_failure_or_an_answer_that_was_not_described(
    route: Route, api_schema: Any, target: tuple[Server, str]
) -> None:
    server, strategy_id = target
    headers, turns = server.headers(), itertools.count()

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=api_schema[route.path][route.method].as_strategy())
    def ask(case: Any) -> None:
        if "strategy_id" in (case.path_parameters or {}) and next(turns) % 2:
            case.path_parameters["strategy_id"] = strategy_id
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.json()["error"]["message"]

    ask()

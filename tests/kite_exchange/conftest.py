"""One exchange for all tests of this folder, begun anew for each; the official clients beside it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kite_exchange.browser import redirect_of
from tests.kite_exchange.official import OfficialRest
from tests.kite_exchange.process import RunningExchange, start_exchange


@pytest.fixture(scope="session")
def running() -> Iterator[RunningExchange]:
    """Run the process that the tests share."""
    with start_exchange(rate_limits=False) as exchange:
        yield exchange


@pytest.fixture
def exchange(running: RunningExchange) -> RunningExchange:
    """Begin anew, without rate limits."""
    running.control("come_up")
    running.reset()
    return running


@pytest.fixture(scope="session")
def client(running: RunningExchange) -> Iterator[OfficialRest]:
    """Run the official KiteConnect."""
    official = OfficialRest(running)
    yield official
    official.close()


@pytest.fixture
def kite(exchange: RunningExchange, client: OfficialRest) -> OfficialRest:
    """Log the official client in, by the login page and its redirect."""
    token = parse_qs(urlsplit(redirect_of(exchange.login_url)).query)["request_token"][0]
    client.call("generate_session", token, exchange.api_secret)
    return client

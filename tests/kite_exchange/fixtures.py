"""One exchange for all tests of a file, begun anew for each: a conftest.py that wants it takes these in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.brokers.zerodha.limiter import Limiters
from tests.kite_exchange.process import RunningExchange, start_exchange

OPTIONS = {"rate_limits": False, "now": "2026-11-23 10:00:00"}


@pytest.fixture(scope="module")
def running_exchange() -> Iterator[RunningExchange]:
    with start_exchange(**OPTIONS) as exchange:
        yield exchange


@pytest.fixture
def exchange(running_exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> RunningExchange:
    # An account's budget of calls outlives its brokers: what one test used up is no business of the next.
    monkeypatch.setattr("engine.brokers.zerodha.broker._LIMITERS", Limiters())
    running_exchange.reset(**OPTIONS)
    return running_exchange

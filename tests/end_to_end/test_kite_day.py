"""A day of live trading: log-in, 3,000 quotes, an EMA crossover on ten shares; afterwards the terminal's books are the exchange's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import Exchange
from terminal.api.client import Client
from terminal.api.tokens import Scope, Tokens
from terminal.arming import arm
from tests.end_to_end.kite_market import compare, crossover, shares, still, sway
from tests.end_to_end.kite_terminal import KiteTerminal, Running
from tests.kite_exchange.process import RunningExchange, start_exchange

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="types on a console of Unix")

SCALE = 20.0
WATCHED = 3_000
MARKET = {"market": "walk", "ticks_per_second": 0.1, "waves": 10, "instruments": WATCHED + 20, "scale": SCALE}


@pytest.fixture(scope="module")
def _running() -> Iterator[RunningExchange]:
    # A machine that is busy elsewhere for a twentieth of a second is so for a whole one here: calls come in heaps.
    with start_exchange(rate_limits=False, **MARKET) as exchange:
        yield exchange


@pytest.fixture
def exchange(_running: RunningExchange) -> RunningExchange:
    _running.reset()
    return _running


@pytest.fixture
def terminal(exchange: RunningExchange, tmp_path: Path) -> KiteTerminal:
    """Return a terminal that is logged in and watches everything."""
    made = KiteTerminal(exchange, tmp_path / "data", tmp_path / "ring.json", SCALE)
    listed = [row["key"] for row in exchange.control("listings")]
    made.settle(watch=[key for key in listed if key.partition(":")[0] in set(Exchange)][:WATCHED], api_key=exchange.api_key)
    shown = made.type({"API secret": exchange.api_secret}, "login")
    assert "Logged in as Test Trader" in shown
    assert exchange.api_secret not in shown
    return made


def carried(exchange: RunningExchange) -> dict[str, int]:
    """Count what the exchange sends, by mode."""
    total: dict[str, int] = {}
    for one in exchange.control("sockets"):
        total = {mode: total.get(mode, 0) + count for mode, count in one["subscribed"].items()}
    return total


def a_day(exchange: RunningExchange, terminal: KiteTerminal, running: Running, client: Client, keys: list[str]) -> dict[str, Any]:
    """Trade for some minutes, stop, and compare."""
    running.until("every quote", lambda: carried(exchange).get("full", 0) >= WATCHED)
    running.until("the strategy", lambda: client.strategy("day").state == "RUNNING")
    sway(exchange, keys, 3, running)
    client.stop("day")
    still(exchange, running, client)
    return compare(exchange, terminal, client)


def test_a_day_without_a_window(exchange: RunningExchange, terminal: KiteTerminal) -> None:
    keys = shares(exchange, 10)
    with terminal.running("--headless", "--api") as running:  # on paper first
        client = running.client()
        assert (client.health().mode, client.health().broker) == ("paper", "paper")
        client.create(crossover(keys))
    assert exchange.control("orders") == []
    with terminal.running("--headless", "--live", "--api") as running:
        client = running.client()
        assert (client.health().mode, client.health().broker) == ("live", "zerodha")
        told = a_day(exchange, terminal, running, client, keys)
    assert told["orders"] >= 10, "every share crossed at least once"


def test_a_day_in_the_window(exchange: RunningExchange, terminal: KiteTerminal) -> None:
    keys = shares(exchange, 10)
    now_ns = int(exchange.control("now")["time_ns"])
    arm(terminal.home, exchange.user_id, now_ns + 8 * 3_600 * 10**9)  # as the Connect dialog does
    with terminal.running("--api") as running:
        running.client()
        token = Tokens(terminal.home).get(Scope.LIVE)
        client = Client(f"http://127.0.0.1:{terminal.api_port}", token)
        client.create(crossover(keys))
        client.deploy("day", mode="live")
        told = a_day(exchange, terminal, running, client, keys)
    assert told["orders"] >= 10, "every share crossed at least once"

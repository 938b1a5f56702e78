"""A day with planted secrets: real money over the REST API, a session that dies and comes back, a crash; none of them is found anywhere."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.api.client import Client
from terminal.api.tokens import FILE_NAME, Scope, Tokens
from tests.end_to_end.kite_market import crossover, shares, sway
from tests.end_to_end.kite_terminal import KiteTerminal, Running
from tests.kite_exchange.process import RunningExchange, start_exchange

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and types on a console of Unix")

SCALE = 20.0
PASTE = "paste here the address"


@pytest.fixture
def exchange() -> Iterator[RunningExchange]:
    with start_exchange(market="walk", ticks_per_second=0.5, scale=SCALE, rate_limits=False) as exchange:
        yield exchange


@pytest.fixture
def terminal(exchange: RunningExchange, tmp_path: Path) -> KiteTerminal:
    made = KiteTerminal(exchange, tmp_path / "data", tmp_path / "ring.json", SCALE)
    made.settle(watch=shares(exchange, 20), api_key=exchange.api_key)
    return made


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in children.read_text(encoding="ascii").split()] if children.exists() else []
    return [pid, *(one for child in found for one in family(child))]


def processes(pid: int) -> bytes:
    """Return command lines of all processes, and the environment of these: what other programs may see."""
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.exists()]
    return b"\n".join([*lines, *(Path(f"/proc/{one}/environ").read_bytes() for one in family(pid))])


def live_client(running: Running) -> Client:
    """Return a client that may trade real money."""
    running.client()
    terminal = running.terminal
    return Client(f"http://127.0.0.1:{terminal.api_port}", Tokens(terminal.home).get(Scope.LIVE))


def paste(terminal: KiteTerminal) -> tuple[str, str]:
    """Log in anew by pasting the address that a browser ended at; returns the request token and what the console showed."""
    address = terminal.browsed()
    found = re.search(r"request_token=(\w+)", address)
    assert found is not None
    return found[1], terminal.type({PASTE: address}, "login", "--again", "--paste")


def test_a_dead_session_is_replaced_by_another_console_and_trading_goes_on(exchange: RunningExchange, terminal: KiteTerminal) -> None:
    terminal.type({"API secret": exchange.api_secret}, "login")
    keys = shares(exchange, 4)
    with terminal.running("serve", "--arm-live") as running:
        client = live_client(running)
        client.create(crossover(keys))
        client.deploy("day", mode="live")
        running.until("the strategy", lambda: client.strategy("day").state == "RUNNING")
        exchange.control("expire")
        running.until("the end of the session", lambda: client.health().link == "RELOGIN")
        assert client.risk().state == "REDUCING"
        calls = len(exchange.control("calls"))
        assert "Logged in as" in terminal.login("--again")
        running.until("the new session", lambda: client.health().link == "LIVE" and client.risk().state == "ACTIVE")
        assert len(exchange.control("calls")) - calls < 20, "nobody hammers"
        before = len(exchange.control("orders"))
        sway(exchange, keys, 3, running)
        assert len(exchange.control("orders")) > before
        assert client.strategy("day").state == "RUNNING"


def a_day(exchange: RunningExchange, terminal: KiteTerminal) -> tuple[list[str], bytes]:
    """Live through it, to the crash; returns the secrets, and what was shown."""
    shown = terminal.type({"API secret": exchange.api_secret}, "login")
    secrets = [exchange.api_secret, terminal.token()]
    keys = shares(exchange, 4)
    with terminal.running("serve", "--arm-live") as running:
        client = live_client(running)
        secrets += [Tokens(terminal.home).get(scope) for scope in Scope]
        client.create(crossover(keys))
        client.deploy("day", mode="live")
        running.until("the strategy", lambda: client.strategy("day").state == "RUNNING")
        sway(exchange, keys, 2, running)
        assert exchange.control("orders")
        exchange.control("expire")
        running.until("the end of the session", lambda: client.health().link == "RELOGIN")
        request_token, pasted = paste(terminal)
        secrets += [request_token, terminal.token()]
        running.until("the new session", lambda: client.health().link == "LIVE")
        seen = processes(running.process.pid)
        running.process.send_signal(signal.SIGSEGV)
        assert running.process.wait(30) == -signal.SIGSEGV
    return secrets, seen + shown.encode() + pasted.replace(request_token, "", 1).encode()  # what was typed, a console shows


def test_no_secret_is_left_anywhere(exchange: RunningExchange, terminal: KiteTerminal, tmp_path: Path) -> None:
    secrets, shown = a_day(exchange, terminal)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != terminal.ring]
    names = {path.name for path in files}
    assert {"shikra.db", "shikra.log", "settings.toml", "out.txt"} <= names
    assert any(b"Segmentation" in path.read_bytes() for path in files), "the crash was written down"
    assert len(set(secrets)) == 7
    for secret in secrets:
        assert secret.encode() not in shown
        for path in files:
            if not _holds_tokens(path):
                assert secret.encode() not in path.read_bytes(), path


def _holds_tokens(path: Path) -> bool:
    """Tell whether it is the file that keeps the REST API's tokens, for the user's own scripts alone."""
    return path.name == FILE_NAME and path.stat().st_mode & 0o077 == 0


def test_the_secrets_are_where_they_belong(exchange: RunningExchange, terminal: KiteTerminal) -> None:
    terminal.type({"API secret": exchange.api_secret}, "login")
    kept: dict[str, Any] = json.loads(terminal.ring.read_text(encoding="utf-8"))
    assert kept[f"shikra.zerodha {exchange.api_key}:secret"] == exchange.api_secret
    assert terminal.token() in kept[f"shikra.zerodha {exchange.api_key}:token"]
    terminal.login("--out")
    assert list(json.loads(terminal.ring.read_text(encoding="utf-8"))) == [f"shikra.zerodha {exchange.api_key}:secret"]

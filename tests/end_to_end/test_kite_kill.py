"""`shikra kill` from another shell: a terminal that lives answers order by order; past one that hangs the command cancels by itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.api.client import ApiError, Client
from terminal.api.schemas import Done, Reason
from terminal.arming import arm
from tests.end_to_end.kite_terminal import ROOT, KiteTerminal, Running
from tests.kite_exchange.process import RunningExchange, start_exchange

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops a process as Unix does")

KEY = "NSE:INFY"
RESTS = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 5, "product": "MIS", "variety": "regular"}


@pytest.fixture(scope="module")
def _running() -> Iterator[RunningExchange]:
    with start_exchange(instruments=40) as exchange:
        yield exchange


@pytest.fixture
def exchange(_running: RunningExchange) -> RunningExchange:
    _running.reset()
    return _running


@pytest.fixture
def terminal(exchange: RunningExchange, tmp_path: Path) -> KiteTerminal:
    """Return a terminal that is logged in and armed for real money."""
    made = KiteTerminal(exchange, tmp_path / "data", tmp_path / "ring.json")
    made.settle(watch=[KEY], api_key=exchange.api_key)
    until_ns = int(exchange.control("now")["time_ns"]) + 8 * 3_600 * 10**9
    token = {"access": exchange.login(), "user_id": exchange.user_id, "user_name": "Test Trader", "expires_ns": until_ns}
    made.ring.write_text(json.dumps({f"shikra.zerodha {exchange.api_key}:token": json.dumps(token)}), encoding="utf-8")
    arm(made.home, exchange.user_id, until_ns)
    return made


def rest(exchange: RunningExchange, letter: str, count: int) -> list[str]:
    """Let orders rest at the exchange that carry tags of this terminal, and have one of them told: the list is read for the others."""
    price = round(float(exchange.control("quote", symbol=KEY)["last_price"]) * 0.98, 0)
    tags = [f"{letter}{number:019d}" for number in range(count)]
    made = [exchange.control("place_elsewhere", **RESTS, order_type="LIMIT", price=price, tag=tag) for tag in tags]
    exchange.control("tell_again", order_id=made[-1])
    return tags


def killed(terminal: KiteTerminal, *words: str) -> tuple[int, dict[str, Any]]:
    """Type the command in a shell of its own; returns its exit code and what it said."""
    done = subprocess.run(
        terminal.command("kill", "--json", *words),
        cwd=ROOT,
        env=terminal.environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def standing(running: Running) -> Client:
    """Return a client of a terminal that has compared its books."""
    client = running.client()
    running.until("the link", lambda: client.health().link == "LIVE")
    return client


def statuses(exchange: RunningExchange) -> dict[str, str]:
    return {one["tag"]: one["status"] for one in exchange.control("ledger")["orders"]}


def test_past_a_terminal_that_hangs_it_closes_itself_and_one_that_lives_answers(exchange: RunningExchange, terminal: KiteTerminal) -> None:
    with terminal.running("--headless", "--live", "--api") as running:
        _hangs(exchange, terminal, running)
        _lives(exchange, terminal, running)
    assert [one["net"] for one in exchange.control("ledger")["positions"]] == [0], "nobody closed it a second time"
    assert len((terminal.home / "kill.log").read_text(encoding="utf-8").splitlines()) == 1


def _hangs(exchange: RunningExchange, terminal: KiteTerminal, running: Running) -> None:
    client = standing(running)
    tags = rest(exchange, "L", 3)
    exchange.control("place_elsewhere", **RESTS, order_type="MARKET")
    running.until("the position", lambda: [one.quantity for one in client.positions()] == [5])
    running.process.send_signal(signal.SIGSTOP)
    try:
        code, told = killed(terminal, "--flatten", "--reason", "storm")
    finally:
        running.process.send_signal(signal.SIGCONT)
    assert (code, told["terminal"], told["is_clean"]) == (0, "silent", True), told
    assert {tag: statuses(exchange)[tag] for tag in tags} == dict.fromkeys(tags, "CANCELLED")
    assert [(one["side"], one["status"], one["quantity"]) for one in told["orders"] if one["closes"]] == [("SELL", "FILLED", 5)]
    running.until("the terminal to stop, too", lambda: client.risk().state == "HALTED")
    running.until("its books", lambda: [one.quantity for one in client.positions()] == [0])


def _lives(exchange: RunningExchange, terminal: KiteTerminal, running: Running) -> None:
    """It has come back and stays stopped, whatever is asked over REST; it answers another question."""
    client = running.client()
    assert client.risk().state == "HALTED"
    assert client.risk().reason.startswith("storm")
    for path in ("/api/resume", "/api/rearm", "/api/kill/rearm"):
        with pytest.raises(ApiError):
            client._ask("POST", path, Done, Reason(reason="I may"))
    assert client.risk().state == "HALTED"
    tags = rest(exchange, "M", 3)
    running.until("the orders", lambda: len([one for one in client.orders() if one.status == "OPEN"]) == 3)
    code, told = killed(terminal, "--reason", "again")
    assert (code, told["terminal"], told["is_clean"]) == (0, "answered", True)
    assert {(one["fate"], one["status"]) for one in told["orders"]} == {("done", "CANCELLED")}
    assert {tag: statuses(exchange)[tag] for tag in tags} == dict.fromkeys(tags, "CANCELLED")


def test_without_a_log_in_it_latches_and_says_what_it_could_not_do(exchange: RunningExchange, terminal: KiteTerminal) -> None:
    exchange.control("expire")
    rest(exchange, "L", 1)
    code, told = killed(terminal)
    assert (code, told["terminal"], told["is_clean"]) == (1, "silent", False)
    assert "log in again" in told["note"]
    assert (terminal.home / "kill.latch").exists()

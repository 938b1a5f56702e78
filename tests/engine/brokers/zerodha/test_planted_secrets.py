"""A day with planted secrets: log in, trade, lose the session, log out; none of them is found anywhere afterwards.

Nor where the broker itself, or something between it and us, says them back: in a refusal, in an order's row, over the feed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.clock import SystemClock
from engine.core.errors import BrokerError
from engine.core.model import LinkState, Order, OrderStatus
from engine.safety.backups import Backups
from engine.session import TradingSession
from engine.store import Store, StoreFailed, database, writer
from terminal import VERSION
from terminal.cli.arguments import parser
from terminal.cli.journal import journal
from terminal.logs import start_logging, stop_logging
from tests.engine.brokers.zerodha.live import make_broker, pasted
from tests.engine.brokers.zerodha.trading import CAPITAL, Floor
from tests.kite_exchange.process import RunningExchange

pytestmark = pytest.mark.logs_warnings


class KeptFloor(Floor):
    """A session whose journal lies on the disk."""

    def __init__(self, exchange: RunningExchange, folder: Path) -> None:
        self.exchange, self.broker = exchange, make_broker(exchange, logged_in=False, data_dir=folder, timeouts_s=(0.3, 0.3))
        self.kept = Store.open(folder / "shikra.db")
        self.session = TradingSession(self.broker, self.kept, limits={}, capital_units=CAPITAL, account="zerodha")


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Write all that is said into a log file there."""
    level = logging.getLogger().level
    handler = start_logging(folder, "debug")
    try:
        yield
    finally:
        stop_logging(handler)
        logging.getLogger().setLevel(level)


async def a_day(floor: KeptFloor, exchange: RunningExchange, secrets: list[str]) -> list[str]:
    """Live through it; returns what the broker said meanwhile."""
    said: list[str] = []
    links: list[LinkState] = []
    heard = floor.session.on_link

    def on_link(state: LinkState, reason: str) -> None:
        said.append(reason)
        links.append(state)
        heard(state, reason)

    floor.session.on_link = on_link  # type: ignore[method-assign]
    secrets.append(floor.broker.access.token.access.value)  # type: ignore[union-attr]
    await floor.session.open()
    await floor.session.subscribe([floor.broker._catalogue.get("NSE:INFY")])
    await floor.sees(floor.submit(), OrderStatus.FILLED)
    exchange.control("fault", how="drop", path="/orders/*", method="POST", when="after")
    await floor.sees(floor.submit(-1), OrderStatus.UNKNOWN, OrderStatus.FILLED)
    exchange.control("close_sockets", abruptly=True)
    await floor.until(lambda: links[-1] is LinkState.LIVE)
    exchange.control("expire")
    await floor.until(lambda: links[-1] is LinkState.RELOGIN)
    address = pasted(exchange)
    secrets.append(parse_qs(urlsplit(address).query)["request_token"][0])
    secrets.append(floor.broker.access.log_in_with(address).access.value)
    await floor.until(lambda: links[-1] is LinkState.LIVE)
    exchange.control("go_down")
    for call in (floor.broker.funds(), floor.broker.positions()):
        try:
            await call
        except BrokerError as error:
            said.append(repr(error))
    await asyncio.to_thread(floor.broker.access.log_out)
    exchange.control("come_up")
    return said


def test_no_secret_is_left_anywhere(loop_run: Any, exchange: RunningExchange, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secrets = [exchange.api_secret]

    async def scenario() -> list[str]:
        floor = KeptFloor(exchange, tmp_path)
        floor.broker.access.log_in_with(pasted(exchange))
        try:
            said = await a_day(floor, exchange, secrets)
        finally:
            await floor.session.close()
            floor.kept.close()
        return [*said, repr(floor.broker), repr(floor.broker.access.token), str(vars(floor.broker.access))]

    with logged(tmp_path / "logs"):
        said = loop_run(scenario())
    printed = capfd.readouterr()
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout if sys.platform == "linux" else ""
    ours = [line for line in processes.splitlines() if "kite_exchange" not in line]
    assert len(secrets) == 4
    assert (tmp_path / "logs" / "shikra.log").stat().st_size > 0
    for secret in secrets:
        assert secret not in "\n".join([*said, *ours, printed.out, printed.err])
        for file in (path for path in tmp_path.rglob("*") if path.is_file()):
            assert secret.encode() not in file.read_bytes(), file


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Lock the database as another process does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def echo_of(secrets: list[str]) -> dict[str, Any]:
    """Return fields of an order's row in which a gateway says back all that it was sent."""
    said = f"gateway refused {' '.join(secrets)}"
    return {"status": "HELD AT THE GATEWAY", "status_message": said, "meta": {"headers": [f"token key:{secret}" for secret in secrets]}}


async def echoes(floor: KeptFloor, exchange: RunningExchange, secrets: list[str], folder: Path) -> tuple[list[Order], str]:
    """Let the secrets be said back by every way there is; returns the orders, and the rows that waited while the database was locked."""
    resting = floor.submit(price=1_400.0)
    await floor.sees(resting, OrderStatus.OPEN)
    exchange.control("send_text", text=json.dumps({"type": "error", "data": f"who is {secrets}"}))
    number = floor.now(resting).broker_order_id
    spill = folder / "shikra.db.spill"
    with locked(folder / "shikra.db"):
        exchange.control("disguise", order_id=number, **echo_of(secrets))
        exchange.control("tell_again", order_id=number)
        await floor.until(lambda: spill.exists() and "HELD AT THE GATEWAY" in spill.read_text(encoding="utf-8"))
        waited = spill.read_text(encoding="utf-8")
    await floor.until(lambda: floor.kept.failure is None)
    floor.session.risk.resume("nobody holds the database any more")
    for status, error_type in ((400, "InputException"), (500, "GeneralException")):
        answer = {"status": status, "error_type": error_type, "message": f"not {secrets}"}
        exchange.control("fault", how="error", path="/orders/*", method="POST", **answer)
        await floor.sees(floor.submit(), OrderStatus.REJECTED, OrderStatus.UNKNOWN)
    return floor.session.orders.orders, waited


def shown_by(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    """Return what `shikra journal` prints, or says instead."""
    try:
        journal(parser(VERSION).parse(["journal", *words, "--data-dir", str(folder)]))
    except StoreFailed as failure:
        return str(failure)
    return capsys.readouterr().out


def test_what_the_broker_says_back_is_nowhere_either(
    loop_run: Any, exchange: RunningExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 30)
    monkeypatch.setattr(writer, "AGAIN_S", 0.01)
    secrets = [exchange.api_secret]

    async def scenario() -> tuple[list[Order], str]:
        floor = KeptFloor(exchange, tmp_path)
        address = pasted(exchange)
        secrets.append(parse_qs(urlsplit(address).query)["request_token"][0])
        secrets.append(floor.broker.access.log_in_with(address).access.value)
        try:
            await floor.session.open()
            return await echoes(floor, exchange, secrets, tmp_path)
        finally:
            await floor.session.close()
            floor.kept.close()

    with logged(tmp_path / "logs"):
        orders, waited = loop_run(scenario())
    backups = Backups(tmp_path / "shikra.db", SystemClock())
    backups.make()
    seen = {"orders": repr(orders), "spill": waited}
    seen["show"] = shown_by(capsys, tmp_path, "show", "--limit", "1000")
    seen["show --json"] = shown_by(capsys, tmp_path, "show", "--limit", "1000", "--json")
    seen["verify"] = shown_by(capsys, tmp_path, "verify")
    spoil(tmp_path / "shikra.db")
    seen["verify, broken"] = shown_by(capsys, tmp_path, "verify")
    assert "as it was written, was another" in seen["verify, broken"]
    for name in ("orders", "spill", "show", "show --json"):
        assert "gateway refused ***" in seen[name], "it was said, and struck out"
    assert '"meta": {"headers": ["token key:***"' in json.loads(row_of(tmp_path / "shikra.db"))["row"]
    files = {str(path): path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()}
    assert any("backups" in name for name in files)
    for name, text in (seen | files).items():
        for secret in secrets:
            assert secret not in text, name


def row_of(file: Path) -> str:
    """Return the payload of the first line that has a row of the broker's as it came."""
    with closing(sqlite3.connect(file)) as line:
        query = "SELECT payload FROM journal WHERE json_extract(payload, '$.row') IS NOT NULL ORDER BY seq"
        return str(line.execute(query).fetchone()[0])


def spoil(file: Path) -> None:
    """Change a line of the journal behind everybody's back."""
    with closing(sqlite3.connect(file)) as line:
        line.executescript("DROP TRIGGER IF EXISTS journal_no_update; UPDATE journal SET kind = 'ODD' WHERE seq = 2")

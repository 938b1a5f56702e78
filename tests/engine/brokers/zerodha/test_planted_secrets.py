"""A day with planted secrets: log in, trade, lose the session, log out; none of them is found anywhere afterwards."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.core.errors import BrokerError
from engine.core.model import LinkState, OrderStatus
from engine.session import TradingSession
from engine.store import Store
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

    level = logging.getLogger().level
    handler = start_logging(tmp_path / "logs", "debug")
    try:
        said = loop_run(scenario())
    finally:
        stop_logging(handler)
        logging.getLogger().setLevel(level)
    printed = capfd.readouterr()
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout if sys.platform == "linux" else ""
    ours = [line for line in processes.splitlines() if "kite_exchange" not in line]
    assert len(secrets) == 4
    assert (tmp_path / "logs" / "shikra.log").stat().st_size > 0
    for secret in secrets:
        assert secret not in "\n".join([*said, *ours, printed.out, printed.err])
        for file in (path for path in tmp_path.rglob("*") if path.is_file()):
            assert secret.encode() not in file.read_bytes(), file

"""Logging in at a Kite-protocol exchange, as the Connect dialog does it: by the browser, by hand, out again."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import terminal.connection as connection_module
from engine.brokers.zerodha.secrets import MemoryKeyring
from engine.clock import SystemClock
from engine.core.errors import UserError
from engine.core.model import Login
from terminal.arming import is_armed
from terminal.connection import Connection, kite_options
from terminal.settings import Settings
from tests.kite_exchange.browser import redirect_of
from tests.kite_exchange.process import RunningExchange, start_exchange


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with start_exchange(rate_limits=False, redirect_url="http://127.0.0.1:18711/") as running:
        yield running


class Person:
    """Logs in at once where a browser would, or not at all."""

    def __init__(self, exchange: RunningExchange) -> None:
        self.exchange, self.comes_back, self.seen = exchange, True, threading.Event()
        self.urls: list[str] = []

    def open_browser(self, url: str) -> None:
        self.urls.append(url)
        self.seen.set()
        if self.comes_back:
            threading.Thread(target=lambda: urllib.request.urlopen(url, timeout=10).read()).start()


@pytest.fixture
def person(exchange: RunningExchange) -> Person:
    return Person(exchange)


@pytest.fixture
def link(exchange: RunningExchange, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: Any) -> Connection:
    keyring = MemoryKeyring()

    def options(settings: Settings, folder: Path) -> dict[str, Any]:
        return kite_options(settings, folder) | {"keyring": keyring, "open_browser": person.open_browser}

    monkeypatch.setattr(connection_module, "kite_options", options)
    given = {"kite_root": exchange.root, "kite_ws_root": exchange.ws_root, "login_port": 18711}
    return Connection(Settings(tmp_path / "settings.toml", given), tmp_path)


def said(link: Connection) -> list[Login]:
    kept: list[Login] = []
    link.changed.connect(kept.append)
    return kept


def test_the_browser_comes_back_and_one_is_logged_in(link: Connection, exchange: RunningExchange, loop_run: Any, tmp_path: Path) -> None:
    kept = said(link)
    loop_run(link.log_in(exchange.api_key, exchange.api_secret))
    assert [login.is_waiting for login in kept] == [True, False]
    assert (link.login.user_id, link.login.has_secret, link.login.message) == (exchange.user_id, True, "")
    assert link.login.expires_ns > SystemClock().now_ns()
    link.use("zerodha", "live")
    assert is_armed(tmp_path, SystemClock().now_ns())
    assert Settings.load(tmp_path)["broker"] == "zerodha"
    loop_run(link.log_out())
    assert link.login.user_id == ""
    assert not is_armed(tmp_path, SystemClock().now_ns())


def test_a_wrong_secret_is_said_with_what_to_do(link: Connection, exchange: RunningExchange, loop_run: Any) -> None:
    loop_run(link.log_in(exchange.api_key, "wrong"))
    assert link.login.user_id == ""
    assert "Expected the API secret" in link.login.message


def test_what_the_browser_ended_at_can_be_pasted_while_it_is_waited_for(
    link: Connection, exchange: RunningExchange, person: Person, loop_run: Any
) -> None:
    person.comes_back = False

    async def both() -> None:
        waiting = asyncio.ensure_future(link.log_in(exchange.api_key, exchange.api_secret))
        await asyncio.to_thread(person.seen.wait, 10)
        await link.log_in_with(redirect_of(exchange.login_url))
        await waiting

    loop_run(both())
    assert (link.login.user_id, link.login.is_waiting, link.login.message) == (exchange.user_id, False, "")


def test_nobody_trades_at_zerodha_without_a_log_in(link: Connection) -> None:
    with pytest.raises(UserError, match="log in first"):
        link.use("zerodha", "live")
    link.use("simulated", "paper")


def test_a_session_of_today_is_found_again(link: Connection, exchange: RunningExchange, loop_run: Any, tmp_path: Path) -> None:
    loop_run(link.log_in(exchange.api_key, exchange.api_secret))
    again = Connection(Settings.load(tmp_path), tmp_path)
    assert loop_run(again.look()).user_id == exchange.user_id
    assert loop_run(Connection(Settings(), tmp_path).look()) == Login(redirect="http://127.0.0.1:8711/")

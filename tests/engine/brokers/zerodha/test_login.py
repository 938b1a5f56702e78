"""Logging in: by the browser through a door that opens once, by hand, and every way in which it fails."""

from __future__ import annotations

import threading
import urllib.error
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.brokers.zerodha.access import Access
from engine.brokers.zerodha.limiter import Limiter
from engine.brokers.zerodha.login import Doorway, login_url, redirect_url, request_token_of
from engine.brokers.zerodha.rest import KiteRest
from engine.brokers.zerodha.secrets import SERVICE, MemoryKeyring, Secret, expiry_ns
from engine.clock import SystemClock
from engine.core.errors import AuthenticationError
from tests.engine.brokers.zerodha.live import OPENER, ExchangeClock, make_broker, pasted
from tests.kite_exchange.process import RunningExchange


def visit(url: str) -> tuple[int, str]:
    """Visit an address as a browser does, redirects and all."""
    try:
        with OPENER.open(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


class Browser:
    """Visits in a thread of its own what it is told to open; the redirect goes where the app has registered."""

    def __init__(self, exchange: RunningExchange | None = None) -> None:
        self.exchange = exchange
        self.opened: list[str] = []
        self.shown: list[tuple[int, str]] = []
        self.door = 0
        self._threads: list[threading.Thread] = []

    def open(self, url: str) -> None:
        self.opened.append(url)
        thread = threading.Thread(target=lambda: self.shown.append(visit(url)))
        thread.start()
        self._threads.append(thread)

    def close(self) -> None:
        for thread in self._threads:
            thread.join()


def make_access(exchange: RunningExchange, **changes: Any) -> Access:
    """Make the access of an account at the exchange."""
    clock = ExchangeClock(exchange)
    rest = KiteRest(changes.get("api_key", exchange.api_key), Limiter(clock), root=exchange.root)
    fields = {"keyring": MemoryKeyring(), "page": f"{exchange.root}/connect/login", "port": 0, "open_browser": lambda url: None}
    fields |= {name: value for name, value in changes.items() if name not in ("api_key", "secret")}
    return Access(rest, clock, changes.get("api_key", exchange.api_key), Secret(changes.get("secret", exchange.api_secret)), **fields)


def test_the_browser_logs_in(exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser()
    made: list[Doorway] = []

    class Known(Doorway):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)
            exchange.control("register_redirect", url=redirect_url(self.port))

    monkeypatch.setattr("engine.brokers.zerodha.access.Doorway", Known)
    ring = MemoryKeyring()
    access = make_access(exchange, open_browser=browser.open, keyring=ring)
    token = access.log_in_by_browser()
    browser.close()
    assert (token.user_id, access.token) == (exchange.user_id, token)
    assert token.expires_ns == expiry_ns(ExchangeClock(exchange).now_ns())
    assert browser.shown == [(200, browser.shown[0][1])]
    assert "Logged in" in browser.shown[0][1]
    assert parse_qs(urlsplit(browser.opened[0]).query)["redirect_params"] == [f"state={made[0].state}"]
    assert token.access.value in str(ring.get_password(SERVICE, f"{exchange.api_key}:token"))
    assert exchange.api_secret not in str(ring._kept)
    again = make_access(exchange, keyring=ring)
    assert again.restore()
    access._rest.close()


def test_a_login_that_was_given_up_is_said_to_be(exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange.control("answer_login", status="cancelled")
    browser = Browser()

    class Known(Doorway):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            exchange.control("register_redirect", url=redirect_url(self.port))

    monkeypatch.setattr("engine.brokers.zerodha.access.Doorway", Known)
    access = make_access(exchange, open_browser=browser.open)
    with pytest.raises(AuthenticationError, match="did not log in"):
        access.log_in_by_browser()
    browser.close()
    assert "Not logged in" in browser.shown[0][1]


def test_what_is_pasted_logs_in(exchange: RunningExchange) -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return pasted(exchange)

    access = make_access(exchange)
    assert access.log_in_by_hand(ask).user_id == exchange.user_id
    assert "/connect/login?v=3&api_key=" in asked[0]
    access._rest.close()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"api_key": "another0key"}, "API key that Kite Connect knows"),
        ({"secret": "wrong"}, "API secret of the key"),
        ({"secret": ""}, "both come from"),
    ],
)
def test_a_wrong_key_or_secret_has_its_own_message(exchange: RunningExchange, changes: dict[str, str], says: str) -> None:
    access = make_access(exchange, **changes)
    with pytest.raises(AuthenticationError, match=says):
        access.log_in_with(pasted(exchange))
    assert access.token is None
    access._rest.close()


def test_a_request_token_is_worth_a_session_once_and_not_for_long(exchange: RunningExchange) -> None:
    access = make_access(exchange)
    used, old = pasted(exchange), pasted(exchange)
    access.log_in_with(used)
    with pytest.raises(AuthenticationError, match="used before, or is older"):
        access.log_in_with(used)
    exchange.control("advance", seconds=600)
    with pytest.raises(AuthenticationError, match="used before, or is older"):
        access.log_in_with(old)
    access._rest.close()


def test_logging_out_ends_the_session_there_and_here(exchange: RunningExchange) -> None:
    ring = MemoryKeyring()
    access = make_access(exchange, keyring=ring)
    access.log_in_with(pasted(exchange))
    access.log_out()
    assert access.token is None
    assert not make_access(exchange, keyring=ring).restore()
    with pytest.raises(AuthenticationError, match="log in"):
        access.access_token()
    (call,) = exchange.control("calls", path="/session/token", method="DELETE")
    assert call["method"] == "DELETE"
    access.log_out()
    access._rest.close()


def test_a_session_is_over_at_six(exchange: RunningExchange) -> None:
    access = make_access(exchange)
    token = access.log_in_with(pasted(exchange))
    assert access.require_alive() is token
    access._clock.ahead_ns += 21 * 3_600 * 10**9  # type: ignore[attr-defined]
    with pytest.raises(AuthenticationError, match="06:00"):
        access.require_alive()
    access._rest.close()


def test_the_secret_is_kept_in_the_keyring_only_when_asked(exchange: RunningExchange) -> None:
    ring = MemoryKeyring()
    access = make_access(exchange, secret="", keyring=ring)
    assert not access.has_secret
    access.keep_secret(Secret(exchange.api_secret))
    assert make_access(exchange, secret="", keyring=ring).has_secret
    assert access.log_in_with(pasted(exchange)).user_id == exchange.user_id
    access._rest.close()


def test_a_broker_logs_in_on_a_console(exchange: RunningExchange) -> None:
    broker = make_broker(exchange, logged_in=False)
    broker.interactive_login(paste=True, ask=lambda text: pasted(exchange))
    assert broker.access.token is not None
    broker.interactive_login(paste=True, ask=lambda text: pytest.fail("asked again"))
    broker.rest.close()


# The door.


def test_the_door_opens_only_to_who_knows_the_word_and_only_once() -> None:
    door = Doorway(SystemClock(), 0)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(door.wait(10)))
    thread.start()
    base = f"http://127.0.0.1:{door.port}/"
    assert visit(base) == (404, "")
    assert visit(f"{base}?state=guess&request_token=abcdef123&status=success")[0] == 404
    status, page = visit(f"{base}any/path?state={door.state}&request_token=abcdef123&status=success")
    thread.join()
    assert (status, found) == (200, ["abcdef123"])
    assert "abcdef123" not in page
    with pytest.raises(OSError, match="refused"):
        visit(base)


def test_a_door_that_nobody_comes_to_says_what_to_do() -> None:
    with pytest.raises(AuthenticationError, match="register that as the app's redirect URL"):
        Doorway(SystemClock(), 0).wait(0.0)


def test_a_door_can_be_shut_before() -> None:
    door = Doorway(SystemClock(), 0)
    door.close()
    with pytest.raises(AuthenticationError, match="did not come back"):
        door.wait(60)


def test_a_port_that_is_taken_says_so() -> None:
    door = Doorway(SystemClock(), 0)
    with pytest.raises(AuthenticationError, match=f"port {door.port}"):
        Doorway(SystemClock(), door.port)
    door._server.server_close()


@pytest.mark.parametrize(
    ("text", "token"),
    [
        (" abc123XYZ ", "abc123XYZ"),
        ("http://127.0.0.1:8711/?request_token=abc123&status=success", "abc123"),
        ('"https://x.example/cb?action=login&status=success&request_token=abc123"', "abc123"),
    ],
)
def test_tokens_are_found_in_what_is_pasted(text: str, token: str) -> None:
    assert request_token_of(text) == token


@pytest.mark.parametrize(
    ("text", "says"), [("", "paste all"), ("http://x/?a=b", "paste all"), ("http://x/?status=cancelled", "did not log in")]
)
def test_what_has_no_token_is_refused(text: str, says: str) -> None:
    with pytest.raises(AuthenticationError, match=says):
        request_token_of(text)


def test_the_login_page_is_asked_to_hand_the_word_back() -> None:
    assert login_url("KEY", "word") == "https://kite.zerodha.com/connect/login?v=3&api_key=KEY&redirect_params=state%3Dword"

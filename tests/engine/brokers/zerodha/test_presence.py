"""Without data, without a session, with a new one from elsewhere: the broker says how it stands and goes on with what there is."""

from __future__ import annotations

from typing import Any

import pytest

from engine.brokers.zerodha.access import Access
from engine.brokers.zerodha.secrets import Secret, Token, Vault
from engine.core.errors import AuthenticationError, ConnectionLost, NotPermitted
from engine.core.model import LinkState, OrderStatus
from tests.engine.brokers.zerodha.live import Ear, ExchangeClock, connected, make_broker, pasted
from tests.engine.brokers.zerodha.test_broker import make_order
from tests.engine.brokers.zerodha.test_login import make_access
from tests.kite_exchange.process import RunningExchange


def test_a_plan_without_data_trades_all_the_same(loop_run: Any, exchange: RunningExchange) -> None:
    exchange.control("configure", data_plan=False)

    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            state, reason = ear.links[-1]
            assert state is LinkState.LIVE
            assert "paid plan" in reason
            order = make_order(broker, "NSE:INFY")
            await broker.place(order)
            await ear.sees(order, OrderStatus.FILLED)
            with pytest.raises(NotPermitted, match="paid plan"):
                await broker.quote([order.instrument])

    loop_run(scenario())
    exchange.control("configure", data_plan=True)


def test_data_that_ends_in_mid_session_is_told_and_trading_goes_on(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            exchange.control("configure", data_plan=False)
            exchange.control("close_sockets", abruptly=True)
            await ear.until(lambda: "paid plan" in ear.links[-1][1])
            assert not broker._presence.is_dead
            assert LinkState.RELOGIN not in [state for state, _ in ear.links]

    loop_run(scenario())
    exchange.control("configure", data_plan=True)


def test_a_dead_session_of_the_keyring_is_not_offered_again(loop_run: Any, exchange: RunningExchange) -> None:
    broker = make_broker(exchange)
    exchange.control("expire")

    async def scenario() -> None:
        broker.attach(Ear())
        with pytest.raises(AuthenticationError, match="log in again"):
            await broker.connect()
        await broker.close()

    loop_run(scenario())
    assert broker.access.token is None
    broker.interactive_login(paste=True, ask=lambda text: pasted(exchange))
    assert broker.access.token is not None
    broker.rest.close()


def test_at_six_the_session_is_known_to_be_over(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            broker.clock.ahead_ns += 21 * 3_600 * 10**9  # type: ignore[attr-defined]
            await ear.until(lambda: ear.links[-1][0] is LinkState.RELOGIN)
            assert "06:00" in ear.links[-1][1]
            assert "shikra login" in ear.links[-1][1]
            await ear.until(lambda: broker.access.token is None)

    loop_run(scenario())


def test_a_session_begun_on_another_console_is_taken_up(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            exchange.control("expire")
            await ear.until(lambda: ear.links[-1][0] is LinkState.RELOGIN and broker.access.token is None)
            told = len(ear.links)
            ring = broker.settings.keyring
            dead = Token(Secret("deadtoken"), exchange.user_id, "", broker.clock.now_ns() + 10**12)
            Vault(exchange.api_key, ring).keep_token(dead)
            broker._presence._looked_ns = 0
            await ear.until(lambda: broker.access.token is None and Vault(exchange.api_key, ring).token(0) is None)
            assert len(ear.links) == told
            make_access(exchange, keyring=ring).log_in_with(pasted(exchange))
            broker._presence._looked_ns = 0
            await ear.until(lambda: ear.links[-1][0] is LinkState.LIVE)

    loop_run(scenario())


def test_a_session_of_somebody_else_is_not_taken_up(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            exchange.control("expire")
            await ear.until(lambda: ear.links[-1][0] is LinkState.RELOGIN and broker.access.token is None)
            broker._presence._user_id = "ZZ9999"
            broker.access.log_in_with(pasted(exchange))
            await ear.until(lambda: broker.access.token is None)
            assert ear.links[-1][0] is LinkState.RELOGIN

    loop_run(scenario())


def test_an_order_list_that_cannot_be_read_is_read_again_later(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario() -> None:
        async with connected(exchange) as (broker, ear):
            exchange.control("fault", how="error", path="/orders", method="GET", status=503, count=1)
            order = make_order(broker, "NSE:INFY")
            await broker.place(order)
            await ear.sees(order, OrderStatus.FILLED)

    loop_run(scenario())


def test_a_login_that_the_browser_cannot_do_says_why_where_there_is_no_console(
    exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(self: Access, timeout_s: float = 0.0) -> Token:
        raise AuthenticationError("The browser did not come back.")

    monkeypatch.setattr(Access, "log_in_by_browser", closed)
    broker = make_broker(exchange, logged_in=False)
    with pytest.raises(AuthenticationError, match="did not come back"):
        broker.interactive_login()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    broker.interactive_login(ask=lambda text: pasted(exchange))
    assert broker.access.token is not None
    broker.rest.close()


def test_without_a_keyring_a_session_lives_as_long_as_the_program(exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise AuthenticationError("no keyring here")

    monkeypatch.setattr("engine.brokers.zerodha.secrets.system_keyring", none)
    access = make_access(exchange, keyring=None)
    assert not access.restore()
    assert access.log_in_with(pasted(exchange)).user_id == exchange.user_id
    monkeypatch.setattr(access._rest, "ask_now", lambda *what: (_ for _ in ()).throw(ConnectionLost("gone")))
    access.log_out()
    assert access.token is None
    with pytest.raises(AuthenticationError, match="Not logged in: gone"):
        access.log_in_with("abcdef123")
    assert not make_access(exchange, keyring=None, secret="").has_secret
    assert ExchangeClock(exchange).now_ns() > 0
    access._rest.close()

"""What a session makes of a feed that goes on and yet lacks something: quotes of one share, words that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import LinkState, OrderStatus
from tests.engine.brokers.zerodha.live import ExchangeClock
from tests.engine.brokers.zerodha.trading import Floor, trading
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
pytestmark = pytest.mark.logs_warnings
LATER_S = 31
"""Longer than the quote of a share that trades thinly may be old."""


def run(loop_run: Any, exchange: RunningExchange, scenario: Any, **options: Any) -> None:
    async def whole() -> None:
        async with trading(exchange, **options) as floor:
            await scenario(floor)

    loop_run(whole())


def test_w3_a_share_without_ticks_is_not_traded_while_the_others_are(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        quoted, silent = (floor.broker._catalogue.get(key) for key in ("NSE:TCS", "NSE:INFY"))
        await floor.session.subscribe([quoted, silent])
        board = floor.session.board
        slots = [floor.session.market_data.slot_of(one.key) for one in (quoted, silent)]
        await floor.until(lambda: all(board.time_ns[slot] for slot in slots))
        exchange.control("stop_ticks", symbols=[silent.key])
        for clock in (floor.session.clock, floor.broker.clock):
            assert isinstance(clock, ExchangeClock)
            clock.ahead_ns += LATER_S * 10**9
        exchange.control("advance", seconds=LATER_S)
        before_ns = int(board.time_ns[slots[0]])
        exchange.control("set_prices", prices={quoted.key: 3105.0, silent.key: 1501.0})
        await floor.until(lambda: board.time_ns[slots[0]] > before_ns)
        refused = floor.session.submit(floor.request(silent.key))
        assert refused.status is S.DENIED
        assert "fresh quote of INFY" in refused.message
        await floor.sees(floor.session.submit(floor.request(quoted.key, reference_price=3105.0)), S.FILLED)
        assert floor.truth() == {quoted.key: 10}

    run(loop_run, exchange, scenario, limits={"quote_age": 5.0})


def test_w5_a_word_that_nobody_knows_changes_nothing(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = floor.submit(price=1490.0)
        resting = await floor.sees(order, S.OPEN)
        exchange.control("disguise", order_id=resting.broker_order_id, status="AWAITING THE MOON", moon={"phase": 1})
        for _ in range(2):
            exchange.control("tell_again", order_id=resting.broker_order_id)
        looks = len(exchange.control("calls", path="/orders"))
        await floor.until(lambda: len(exchange.control("calls", path="/orders")) > looks)
        assert floor.now(order).status is S.OPEN
        assert floor.session.orders.working() != []
        exchange.control("disguise", order_id=resting.broker_order_id)
        exchange.control("set_price", symbol="NSE:INFY", price=1485.0)
        await floor.sees(order, S.FILLED)
        await floor.agrees()

    run(loop_run, exchange, scenario)


def test_n13_books_that_cannot_be_compared_are_compared_until_they_can(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        links: list[LinkState] = []
        heard = floor.session.on_link

        def on_link(state: LinkState, reason: str) -> None:
            links.append(state)
            heard(state, reason)

        floor.session.on_link = on_link  # type: ignore[method-assign]
        exchange.control("fault", how="error", status=503, error_type="NetworkException", path="/portfolio/*", count=4)
        exchange.control("close_sockets", abruptly=True)
        await floor.until(lambda: LinkState.LIVE in links)
        await floor.until(lambda: str(floor.session.risk.state) == "ACTIVE")
        await floor.sees(floor.submit(), S.FILLED)
        assert floor.store.kinds().count("RECONCILED") == 2

    run(loop_run, exchange, scenario)

"""What a session makes of a feed that goes on and yet lacks something: quotes of one share, words that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import LinkState, Order, OrderStatus
from engine.store.rows import JournalEntry
from tests.engine.brokers.zerodha.live import ExchangeClock
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
pytestmark = pytest.mark.logs_warnings
LATER_S = 31
"""Longer than the quote of a share that trades thinly may be old."""


def test_a_share_without_ticks_is_not_traded_while_the_others_are(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        quoted, silent = (floor.broker._catalogue.get(key) for key in ("NSE:TCS", "NSE:INFY"))
        await floor.session.subscribe([quoted, silent])
        board = floor.session.board
        slots = [floor.session.market_data.slot_of(one.key) for one in (quoted, silent)]
        await floor.until(lambda: all(board.time_ns[slot] for slot in slots))
        exchange.control("stop_ticks", symbols=[silent.key])
        # What was on its way before has come when something sent after it has.
        exchange.control("set_prices", prices={quoted.key: 3101.0})
        await floor.until(lambda: board.quote(slots[0]).last_price == 3101.0)
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


def test_a_word_that_nobody_knows_changes_nothing(loop_run: Any, exchange: RunningExchange) -> None:
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
        assert any("AWAITING THE MOON" in alarm for alarm in floor.alarms)
        assert any("AWAITING THE MOON" in str(entry.payload) and "moon" in str(entry.payload) for entry in floor.store.of(JournalEntry))
        exchange.control("disguise", order_id=resting.broker_order_id)
        exchange.control("set_price", symbol="NSE:INFY", price=1485.0)
        await floor.sees(order, S.FILLED)
        await floor.agrees()

    run(loop_run, exchange, scenario)


def test_books_that_cannot_be_compared_are_compared_until_they_can(loop_run: Any, exchange: RunningExchange) -> None:
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


def test_a_feed_that_stands_without_a_byte_lets_only_exits_pass_until_it_is_back_and_the_books_agree(
    loop_run: Any, exchange: RunningExchange
) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        links: list[tuple[LinkState, str]] = []
        heard = floor.session.on_link

        def on_link(state: LinkState, reason: str) -> None:
            links.append((state, reason))
            heard(state, reason)
            if state is LinkState.DISCONNECTED:
                refused.append(floor.submit())
                form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "SELL", "quantity": 4, "product": "MIS"}
                exchange.control("place_elsewhere", **form, order_type="MARKET")

        refused: list[Order] = []
        floor.session.on_link = on_link  # type: ignore[method-assign]
        subscribed = sum(sum(one["subscribed"].values()) for one in exchange.control("sockets"))
        exchange.control("go_silent")
        await floor.until(lambda: LinkState.LIVE in [state for state, _ in links])
        assert links[0] == (LinkState.DISCONNECTED, "the feed was silent for 5 s")
        assert refused[0].status is S.DENIED
        assert "only exits pass" in refused[0].message
        await floor.until(lambda: str(floor.session.risk.state) == "ACTIVE")
        assert floor.truth() == {"NSE:INFY": 6}
        await floor.agrees()
        assert exchange.control("wait_for", sockets=1, tokens=subscribed)
        await floor.sees(floor.submit(), S.FILLED)

    run(loop_run, exchange, scenario)


def test_a_connection_that_the_exchange_let_go_of_while_it_was_idle_costs_no_order_and_doubles_none(
    loop_run: Any, exchange: RunningExchange
) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        exchange.control("cut_connections", reset=True)
        order = floor.submit()
        await floor.sees(order, S.FILLED)
        await floor.agrees()
        assert floor.truth() == {"NSE:INFY": 20}
        assert len(floor.posts()) == 2

    run(loop_run, exchange, scenario)

"""The kill switch in every bad moment, at an exchange that speaks Kite: nothing new after it, everything cancelled, each order told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.brokers.zerodha.secrets import Secret, Token, Vault
from engine.core.model import OrderStatus, TradingState
from engine.kill.report import Fate
from engine.store import Store
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
Scenario = Callable[[Floor], Awaitable[None]]
pytestmark = pytest.mark.logs_warnings


async def over(floor: Floor) -> dict[str, Fate]:
    """Wait until the switch has done what it can; returns what it tells of each order."""
    switch = floor.session.switch
    await floor.until(lambda: switch.report is not None and switch.report.is_over)
    assert switch.report is not None
    return {one.order.id: one.fate for one in switch.report.orders}


def entries(floor: Floor) -> int:
    """Count the orders that have come to the exchange to open something."""
    return len([call for call in floor.posts() if call["form"].get("transaction_type") == "BUY"])


def at_exchange(floor: Floor) -> dict[str, str]:
    return {row["tag"]: row["status"] for row in floor.exchange.control("ledger")["orders"]}


def test_in_a_burst_what_waits_for_its_turn_never_leaves(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        orders = [floor.submit(price=1400.0 + number) for number in range(20)]
        await floor.until(lambda: entries(floor) >= 6)
        floor.session.kill("storm")
        assert floor.session.risk.state is TradingState.HALTED
        await asyncio.to_thread(exchange.control, "drain")  # beside the loop, which has to answer
        left = entries(floor)
        assert left < 20
        fates = await over(floor)
        assert entries(floor) == left, "not one more"
        assert set(fates) == {order.id for order in orders}
        assert set(fates.values()) == {Fate.DONE}
        assert set(at_exchange(floor).values()) == {"CANCELLED"}
        never = [floor.now(order) for order in orders if order.id not in at_exchange(floor)]
        assert len(never) == 20 - left
        assert all(order.message.startswith("Not sent") for order in never)

    run(loop_run, exchange, scenario)


def test_an_order_whose_answer_was_lost_is_found_and_cancelled(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("fault", how="drop", path="/orders/*", method="POST", when="after")
        order = floor.submit(price=1400.0)
        await floor.until(lambda: floor.alarms)
        floor.session.kill("storm")
        assert await over(floor) == {order.id: Fate.DONE}
        assert at_exchange(floor) == {order.id: "CANCELLED"}
        assert entries(floor) == 1

    run(loop_run, exchange, scenario)


def test_a_cancel_whose_answer_was_lost_or_refused_is_made_certain(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        orders = [await floor.sees(floor.submit(price=1400.0 + number), S.OPEN) for number in range(3)]
        exchange.control("fault", how="drop", path="/orders/*", method="DELETE", when="before", count=1)
        exchange.control("fault", how="error", status=429, error_type="NetworkException", path="/orders/*", method="DELETE", count=1)
        exchange.control("fault", how="drop", path="/orders/*", method="DELETE", when="after", count=1)
        floor.session.kill("storm")
        assert await over(floor) == {order.id: Fate.DONE for order in orders}
        assert set(at_exchange(floor).values()) == {"CANCELLED"}

    run(loop_run, exchange, scenario)


def test_with_the_feed_down_the_list_makes_cancels_certain(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = await floor.sees(floor.submit(price=1400.0), S.OPEN)
        exchange.control("fault", how="error", status=503, error_type="NetworkException", kind="stream", count=0)
        exchange.control("close_sockets", abruptly=True)
        await floor.until(lambda: floor.session.risk.state is TradingState.REDUCING)
        floor.session.kill("storm")
        assert await over(floor) == {order.id: Fate.DONE}
        assert at_exchange(floor) == {order.id: "CANCELLED"}

    run(loop_run, exchange, scenario)


def test_while_the_books_are_compared_it_stops_and_cancels(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        order = await floor.sees(floor.submit(price=1400.0), S.OPEN)
        # The comparison reads positions last: it is held up there, with all that is heard meanwhile.
        exchange.control("fault", how="delay", seconds=0.25, path="/portfolio/*", count=6)
        exchange.control("close_sockets", abruptly=True)
        await floor.until(lambda: floor.session.life.books._held_back is not None)
        floor.session.kill("storm")
        assert floor.submit().status is S.DENIED
        assert await over(floor) == {order.id: Fate.DONE}
        await floor.until(lambda: floor.session.life.books._held_back is None)
        assert floor.session.risk.state is TradingState.HALTED, "that the books agree takes nothing back"
        assert at_exchange(floor) == {order.id: "CANCELLED"}

    run(loop_run, exchange, scenario)


def test_with_a_dead_session_it_tells_what_is_open_and_cancels_after_the_log_in(
    loop_run: Any, exchange: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.brokers.zerodha.presence.LOOK_FOR_LOGIN_NS", 200_000_000)

    async def scenario(floor: Floor) -> None:
        order = await floor.sees(floor.submit(price=1400.0), S.OPEN)
        exchange.control("expire")
        floor.session.kill("storm")
        switch = floor.session.switch
        await floor.until(lambda: switch.report is not None and [one.order.pending.value for one in switch.report.orders] == ["none"])
        assert switch.report is not None
        assert [one.fate for one in switch.report.orders] == [Fate.OPEN]
        assert not switch.report.is_over
        token = Token(Secret(exchange.login()), exchange.user_id, "A. Trader", floor.broker.clock.now_ns() + 8 * 3_600 * 10**9)
        await floor.until(lambda: floor.broker.access.token is None)
        Vault(exchange.api_key, floor.broker.settings.keyring).keep_token(token)
        assert await over(floor) == {order.id: Fate.DONE}
        assert at_exchange(floor) == {order.id: "CANCELLED"}

    run(loop_run, exchange, scenario)


def test_with_the_database_locked_latch_and_cancels_do_not_wait_for_it(
    loop_run: Any, exchange: RunningExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "shikra.db")
    monkeypatch.setattr("tests.engine.brokers.zerodha.trading.FakeStore", lambda: store)

    async def scenario(floor: Floor) -> None:
        order = await floor.sees(floor.submit(price=1400.0), S.OPEN)
        await store.flush()
        other = sqlite3.connect(tmp_path / "shikra.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            held_up = floor.submit(price=1401.0)
            floor.session.kill("storm")
            await floor.until(lambda: at_exchange(floor)[order.id] == "CANCELLED")
            assert floor.now(held_up).status is S.INTENT, "its line is not on the disk, so it has not left"
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert await over(floor) == {order.id: Fate.DONE, held_up.id: Fate.DONE}
        assert list(at_exchange(floor)) == [order.id]
        await store.flush()
        kinds = [line.kind for line in store.journal()]
        assert (kinds.count("KILL"), kinds.count("KILL_RESULT")) == (1, 1)
        assert store.verify_journal() == len(kinds)

    run(loop_run, exchange, scenario)
    store.close()


def test_everything_is_closed_once_shorts_first(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        for key, side, price in (("NSE:INFY", 1, 1500.0), ("NSE:TCS", -1, 3100.0)):
            order = floor.session.submit(floor.request(key, side, reference_price=price, stop=price * (1 - 0.03 * side)))
            await floor.sees(order, S.FILLED)
        await floor.until(lambda: len([row for row in at_exchange(floor).values() if row == "TRIGGER PENDING"]) == 2)
        floor.session.kill("storm", flatten=True)
        fates = await over(floor)
        assert (set(fates.values()), len(fates)) == ({Fate.DONE}, 4), "two stops, two exits"
        assert {key: held for key, held in floor.truth().items() if held} == {}
        assert floor.session.switch.report.is_clean
        sides = [call["form"]["transaction_type"] for call in floor.posts()][-2:]
        assert sides == ["BUY", "SELL"]

    run(loop_run, exchange, scenario)


def test_nothing_is_left_in_the_loop_by_it(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        floor.session.kill("storm")
        await over(floor)
        floor.session.rearm("looked at it")
        before = {task.get_name() for task in asyncio.all_tasks()}
        assert not {name for name in before if name.startswith("kill")}
        order = await floor.sees(floor.submit(price=1400.0), S.OPEN)
        floor.session.cancel(order.id)
        await floor.sees(order, S.CANCELLED)

    run(loop_run, exchange, scenario)

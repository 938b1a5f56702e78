"""Past a terminal that hangs: our orders cancelled until the broker lists them as over, positions closed once, each step on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from engine.core.errors import AuthenticationError, BrokerError, ConnectionLost, OrderRejected, OutcomeUnknown
from engine.core.model import Order, OrderChange, OrderStatus, OrderType, OrderUpdate, Position, Product, Quote
from engine.kill.alone import Alone
from engine.kill.report import KillReport
from tests.engine.fakes import RELIANCE, TCS, FakeBroker, request

S = OrderStatus
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Exchange(FakeBroker):
    """Carries out what it is asked, unless the test says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, OrderUpdate] = {}
        self.net: dict[str, int] = {}
        self.fills = True
        self.unread = 0
        self.unread_why: BrokerError = BrokerError("maintenance")

    def rests(self, tag: str, quantity: int = 10, status: OrderStatus = S.OPEN) -> None:
        asked = request(1, quantity, price=90.0)
        self.rows[tag] = OrderUpdate(f"B-{tag}", tag, status, 0, quantity=quantity, price=90.0, is_snapshot=True, request=asked)

    async def orders(self) -> Sequence[OrderUpdate]:
        if self.unread:
            self.unread -= 1
            raise self.unread_why
        return list(self.rows.values())

    async def cancel(self, order: Order) -> None:
        await super().cancel(order)
        self.rows[order.id] = replace(self.rows[order.id], status=S.CANCELLED)

    async def place(self, order: Order) -> str:
        number = await super().place(order)
        status = S.FILLED if self.fills else S.OPEN
        filled = order.quantity if self.fills else 0
        self.rows[order.id] = OrderUpdate(
            number, order.id, status, filled, quantity=order.quantity, is_snapshot=True, request=order.request
        )
        if self.fills:
            self.net[order.instrument.key] += order.request.signed_quantity
        return number

    async def modify(self, order: Order, change: OrderChange) -> None:
        await super().modify(order, change)

    async def positions(self) -> Sequence[Position]:
        known = {RELIANCE.key: RELIANCE, TCS.key: TCS}
        return [Position(known[key], Product.MIS, quantity=quantity) for key, quantity in self.net.items()]

    async def quote(self, instruments: Sequence[Any]) -> Sequence[Quote]:
        return [Quote(one, last_price=100.0, bid=99.95, ask=100.05) for one in instruments]


def kill(exchange: Exchange, loop_run: Run, *, flatten: bool = False) -> tuple[KillReport, list[Order], Alone]:
    """Run it while the clock moves; returns the report and what was put on the disk, in order."""
    noted: list[Order] = []

    def note(order: Order) -> None:
        assert order.id not in exchange.rows, "on the disk before it leaves"
        noted.append(order)

    alone = Alone(exchange, exchange.clock, lambda tag: tag.startswith(("L", "K")), note, lambda count: bytes([len(noted) + 1] * count))

    async def main() -> KillReport:
        task = asyncio.get_running_loop().create_task(alone.run("storm", flatten=flatten))
        while not task.done():
            for _ in range(5):
                await asyncio.sleep(0)
            exchange.clock.advance(0.5)
        return await task

    return loop_run(main()), noted, alone


def fates(report: KillReport) -> dict[str, str]:
    return {one.order.id: str(one.fate) for one in report.orders}


def test_our_orders_are_cancelled_and_nobody_else_s(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.rests("L1")
    exchange.rests("app")
    exchange.rests("L2", status=S.FILLED)
    report, noted, _ = kill(exchange, loop_run)
    assert fates(report) == {"L1": "done"}
    assert exchange.rows["app"].status is S.OPEN
    assert (report.is_clean, noted) == (True, [])


def test_a_cancel_that_was_not_heard_is_asked_for_again(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.rests("L1")
    exchange.unread = 2
    exchange.answers = [ConnectionLost("no line"), OutcomeUnknown("broke")]
    report, _, alone = kill(exchange, loop_run)
    assert (fates(report), len(exchange.cancels), alone.trouble) == ({"L1": "done"}, 3, "")


def test_what_cannot_be_cancelled_is_said(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.rests("L1")
    exchange.answers = [OutcomeUnknown("broke")] * 200
    report, _, _ = kill(exchange, loop_run)
    assert fates(report) == {"L1": "unknown"}
    assert not report.is_clean
    exchange.unread = 10_000
    report, _, alone = kill(exchange, loop_run)
    assert (fates(report), alone.trouble) == ({}, "maintenance")


def test_positions_are_closed_shorts_first_and_noted_before(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.net = {RELIANCE.key: 10, TCS.key: -7}
    report, noted, _ = kill(exchange, loop_run, flatten=True)
    assert [(order.instrument.symbol, order.request.signed_quantity) for order in noted] == [("TCS", 7), ("RELIANCE", -10)]
    assert exchange.net == {RELIANCE.key: 0, TCS.key: 0}
    assert (report.is_clean, report.held) == (True, ())


def test_an_exit_that_rests_follows_the_price_and_is_not_sent_twice(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.net, exchange.fills = {RELIANCE.key: 10}, False
    report, noted, _ = kill(exchange, loop_run, flatten=True)
    assert len(noted) == 1
    prices = [change.price for _, change in exchange.changes]
    assert prices[:3] == [99.85, 99.7, 99.45]
    assert all(change.order_type is OrderType.LIMIT for _, change in exchange.changes)
    assert [book.quantity for book in report.held] == [10]


def test_after_an_exit_of_unknown_fate_nothing_more_is_sent(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.net = {RELIANCE.key: 10}
    exchange.answers = [OutcomeUnknown("broke")]
    report, noted, _ = kill(exchange, loop_run, flatten=True)
    assert len(noted) == 1
    assert list(fates(report).values()) == ["unknown"]


def test_a_refused_exit_is_tried_again_with_a_tag_of_its_own(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.net = {RELIANCE.key: 10}
    exchange.answers = [OrderRejected("LPP")]
    report, noted, _ = kill(exchange, loop_run, flatten=True)
    assert len({order.id for order in noted}) == 2
    assert exchange.net == {RELIANCE.key: 0}
    assert report.is_clean


def test_what_is_refused_three_times_is_left_to_a_person(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.net = {RELIANCE.key: 10}
    exchange.answers = [OrderRejected("LPP")] * 40
    report, noted, _ = kill(exchange, loop_run, flatten=True)
    assert len(noted) == 3
    assert [book.quantity for book in report.held] == [10]
    assert not report.is_clean


def test_whoever_is_not_let_in_says_so_at_once(loop_run: Run) -> None:
    exchange = Exchange()
    exchange.unread, exchange.unread_why = 10_000, AuthenticationError("log in again")
    began_ns = exchange.clock.now_ns()
    report, _, alone = kill(exchange, loop_run, flatten=True)
    assert (report.orders, alone.trouble) == ((), "log in again")
    assert exchange.clock.now_ns() - began_ns < 3 * 10**9

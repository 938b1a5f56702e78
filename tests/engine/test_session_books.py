"""Books are compared until they agree, in rounds and at the close; what differed is opened no further until somebody has looked at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.errors import BrokerError, ConnectionLost, OutcomeUnknown
from engine.core.model import BrokerFill, LinkState, Order, OrderStatus, Pending, Position, Product, Purpose, TradingState
from engine.core.reconciliation import Difference, Report
from engine.reconcile.snapshot import WAITS_S, take
from engine.session_books import QUIET_NS, ROUND_S
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, TCS, FakeBroker, FakeStore, request
from tests.engine.sessions import SessionBench, turns
from tests.engine.test_guard import session_test

S = OrderStatus
Run = Callable[[Any], Any]
pytestmark = pytest.mark.logs_warnings


async def passes(bench: SessionBench, seconds: float) -> None:
    """Let time go by in small steps."""
    for _ in range(round(seconds)):
        bench.broker.clock.advance(1.0)
        await turns(8)


def holds(bench: SessionBench, quantity: int) -> None:
    """Let the broker have a position."""
    bench.broker.held = [Position(RELIANCE, Product.MIS, "", quantity, quantity * 1_000_000)] if quantity else []


@session_test(is_live=True)
async def test_what_differs_twice_in_a_row_is_taken_over_and_held_until_it_is_acknowledged(bench: SessionBench) -> None:
    bench.session.risk.arm("ema")
    holds(bench, 7)
    await passes(bench, ROUND_S + 2)
    assert bench.session.position(RELIANCE).quantity == 0, "once may be news on their way"
    await passes(bench, ROUND_S + 2)
    assert bench.session.position(RELIANCE).quantity == 7
    assert bench.session.risk.state is TradingState.REDUCING
    assert bench.submit(quantity=1, owner="ema").status is S.DENIED
    assert bench.view is not None
    report = bench.view.reports[-1]
    assert [(d.ours, d.theirs, d.quantity, str(d)) for d in report.differences] == [(0, 7, 7, "RELIANCE MIS: 0 here, 7 at the broker")]
    assert (report.reason, report.unacknowledged, report.is_clean) == ("round", (RELIANCE.key,), False)
    assert bench.broker.sent == [], "comparing never sends anything"
    assert bench.session.acknowledge(RELIANCE.key)
    assert not bench.session.acknowledge(RELIANCE.key)
    assert bench.session.risk.state is TradingState.ACTIVE
    assert bench.submit(quantity=1, owner="ema").status is not S.DENIED


@session_test(is_live=True)
async def test_while_orders_move_positions_are_not_looked_at(bench: SessionBench) -> None:
    for _ in range(20):
        holds(bench, 7)
        bench.submit(quantity=1, price=90.0)
        await bench.settle()
        await passes(bench, QUIET_NS // SECOND_NS - 1)
    assert bench.session.position(RELIANCE).quantity == 0


@session_test(is_live=True)
async def test_positions_that_cannot_be_read_are_unknown_and_not_flat(bench: SessionBench) -> None:
    await bench.entered()
    holds(bench, 10)

    async def fails() -> Any:
        raise ConnectionLost("no answer")

    bench.broker.positions = fails  # type: ignore[method-assign]
    await passes(bench, 4 * ROUND_S)
    assert bench.session.position(RELIANCE).quantity == 10
    del bench.broker.positions  # type: ignore[method-assign]


def test_what_was_not_acknowledged_waits_over_a_restart(loop_run: Run) -> None:
    async def main() -> None:
        first = await SessionBench(is_live=True).open()
        holds(first, 5)
        await first.session.compare()
        await first.close()
        store = FakeStore()
        store.rows = first.store.rows
        second = SessionBench(is_live=True, store=store)
        holds(second, 5)
        store.remembered = {"fills": list(first.session.orders.trades)}
        report = await second.session.open()
        assert (report.differences, report.unacknowledged) == ((), (RELIANCE.key,))
        assert second.session.risk.unclear.why("ema", RELIANCE.key)
        assert not second.session.risk.unclear.why("ema", TCS.key)
        await second.close()

    loop_run(main())


@session_test(is_live=True)
async def test_a_position_that_an_order_of_unknown_fate_may_explain_is_not_taken_over(bench: SessionBench) -> None:
    bench.broker.answers = [OutcomeUnknown("timeout")]
    order = bench.submit(quantity=10)
    await bench.session.settle()
    holds(bench, 10)
    report = await bench.session.compare()
    assert [(d.quantity, d.is_explained) for d in report.differences] == [(10, True)]
    assert report.adjusted == ()
    assert bench.now(order).status is S.UNKNOWN
    filled = bench.broker.update(order, S.FILLED, ("t1", 10, 100.0), is_snapshot=True)
    bench.broker.listed = [filled]
    report = await bench.session.compare()
    assert report.differences == ()
    assert bench.session.position(RELIANCE).quantity == 10
    assert not bench.session.risk.unclear


@session_test(is_live=True)
async def test_an_owner_opens_nothing_where_an_order_of_its_is_looked_up_and_others_may(bench: SessionBench) -> None:
    bench.broker.answers = [OutcomeUnknown("timeout")]
    for owner in ("ema", "rsi"):
        bench.session.risk.arm(owner)
    order = bench.submit(quantity=1, owner="ema")
    await bench.session.settle()
    held = len(bench.session.risk.reservations)
    assert held == 1, "what may fill still counts"
    assert bench.submit(quantity=1, owner="ema").status is S.DENIED
    assert bench.submit(quantity=1, owner="ema", instrument=TCS).status is not S.DENIED
    assert bench.submit(quantity=1, owner="rsi").status is not S.DENIED
    bench.broker.listed = [bench.broker.update(order, S.OPEN, is_snapshot=True, time_ns=bench.broker.clock.now_ns())]
    await passes(bench, 2)
    assert bench.now(order).status is S.OPEN
    assert bench.submit(quantity=1, owner="ema").status is not S.DENIED


@session_test(is_live=True)
async def test_at_the_end_of_its_day_an_order_of_unknown_fate_is_left_to_a_person(bench: SessionBench) -> None:
    bench.broker.answers = [OutcomeUnknown("timeout")]
    order = bench.submit(quantity=10)
    await bench.session.settle()
    await passes(bench, 200)
    assert bench.now(order).status is S.UNKNOWN
    bench.broker.clock.advance(24 * 3_600)
    await turns(8)
    assert bench.now(order).status is S.OPERATOR
    assert not bench.session.risk.unclear
    assert any("ask the broker" in text for _, text in bench.notices)


@session_test(is_live=True)
async def test_the_books_are_compared_once_after_the_close(bench: SessionBench) -> None:
    bench.broker.clock.set(OPEN_NS + (6 * 3_600 + 19 * 60) * SECOND_NS)  # 15:34
    await passes(bench, 150)
    assert bench.view is not None
    assert [report.reason for report in bench.view.reports] == ["start", "close"]


@pytest.mark.parametrize(("told_s", "state", "is_told"), [(1.0, "ACTIVE", False), (-5.0, "ACTIVE", True), (31.0, "REDUCING", False)])
def test_a_wrong_clock_is_told_and_stops_new_risk_when_it_is_wrong_by_much(loop_run: Run, told_s: float, state: str, is_told: bool) -> None:
    class Early(FakeBroker):
        skew = told_s

        @property
        def skew_s(self) -> float | None:
            return self.skew

    async def main() -> None:
        bench = SessionBench(is_live=True, broker=Early())
        await bench.session.open()
        assert bench.session.risk.state.value == state
        assert any("clock of this machine" in text and "beyond" in text for _, text in bench.notices) is is_told
        bench.broker.skew = 0.0  # type: ignore[attr-defined]
        await bench.session.compare()
        assert bench.session.risk.state is TradingState.ACTIVE
        await bench.close()

    loop_run(main())


@session_test(is_live=True)
async def test_two_ends_of_one_order_make_the_list_be_read_once_more(bench: SessionBench) -> None:
    order = bench.submit(price=90.0)
    await bench.settle()
    bench.says(order, S.CANCELLED)
    reads = 0
    read = bench.broker.orders

    async def orders() -> Any:
        nonlocal reads
        reads += 1
        return await read()

    bench.broker.orders = orders  # type: ignore[method-assign]
    bench.says(order, S.REJECTED)
    bench.says(order, S.REJECTED)
    await turns()
    assert reads == 1


@session_test(is_live=True)
async def test_a_ghost_counts_again_and_is_cancelled(bench: SessionBench) -> None:
    bench.broker.answers = [OutcomeUnknown("timeout")]
    order = bench.submit(price=90.0)
    await bench.session.settle()
    bench.session.orders.conclude(order.id, S.NOT_PLACED, "given up")
    assert not len(bench.session.risk.reservations)
    bench.says(order, S.OPEN, is_snapshot=True)
    assert len(bench.session.risk.reservations) == 1
    assert bench.now(order).pending is Pending.CANCEL
    await bench.session.settle()
    assert len(bench.broker.cancels) == 1


@session_test(is_live=True)
async def test_exits_shrink_by_what_was_closed_elsewhere(bench: SessionBench) -> None:
    await bench.entered(quantity=10, stop=95.0)
    leaving = bench.submit(-1, 8, price=110.0, purpose=Purpose.EXIT)
    await bench.settle()
    sold = bench.broker.update(leaving, S.FILLED, ("x1", 6, 100.0), filled=6)
    bench.session.on_order_update(
        type(sold)("X1", "", S.FILLED, 6, (BrokerFill("x1", 6, 100.0, sold.time_ns),), time_ns=sold.time_ns, request=request(-1, 6))
    )
    await bench.settle()
    assert bench.now(leaving).status is S.CANCELLED
    assert bench.resting() == [("stop", -1, 95.0, 4)]
    assert any("closed elsewhere" in text for _, text in bench.notices)


def test_lists_are_read_until_they_agree_and_trades_add_up(loop_run: Run) -> None:
    async def main() -> None:
        broker, waits = FakeBroker(), []
        short = broker.update(order_of("P1"), S.FILLED, ("t1", 4, 100.0), filled=10, is_snapshot=True)
        whole = broker.update(order_of("P1"), S.FILLED, ("t1", 4, 100.0), ("t2", 6, 100.0), filled=10, is_snapshot=True)
        broker.listed = [short]

        async def pause(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                broker.listed = [whole]

        taken = await take(broker, pause)
        assert (taken.tries, waits, taken.short) == (4, [0.5, 1.0, 2.0], [])
        broker.listed, waits[:] = [short], [9.0] * 9
        taken = await take(broker, pause)
        assert (taken.tries, len(taken.short)) == (len(WAITS_S) + 1, 1)
        assert sum(WAITS_S) > 30

    loop_run(main())


def test_lists_that_never_agree_are_no_snapshot(loop_run: Run) -> None:
    async def main() -> None:
        broker, reads = FakeBroker(), 0

        async def orders() -> Any:
            nonlocal reads
            reads += 1
            return [broker.update(order_of("P1"), S.OPEN if reads % 2 else S.CANCELLED)]

        async def pause(seconds: float) -> None: ...

        broker.orders = orders  # type: ignore[method-assign]
        with pytest.raises(BrokerError, match="never did"):
            await take(broker, pause)

    loop_run(main())


def order_of(order_id: str) -> Order:
    return Order(order_id, request())


def test_a_report_is_kept_as_names_and_numbers() -> None:
    difference = Difference(RELIANCE, Product.MIS, 3, 5)
    report = Report(reason="round", differences=(difference,), unacknowledged=(RELIANCE.key,), skew_s=0.4, tries=2)
    assert not report.is_clean
    said = report.as_dict()
    assert said["differences"] == [[RELIANCE.key, "MIS", 3, 5]]
    assert (said["reason"], said["unacknowledged"], said["skew_s"], said["tries"]) == ("round", [RELIANCE.key], 0.4, 2)


@session_test(is_live=True)
async def test_a_line_that_breaks_again_while_the_books_are_compared_starts_over(bench: SessionBench) -> None:
    for _ in range(2):
        bench.session.on_link(LinkState.DISCONNECTED, "gone")
        bench.session.on_link(LinkState.LIVE, "")
    await passes(bench, 1)
    assert bench.session.risk.state is TradingState.ACTIVE


@session_test(is_live=True)
async def test_an_order_that_waits_here_for_its_turn_is_no_open_question(bench: SessionBench) -> None:
    bench.store.holds = True
    waiting = bench.submit(quantity=1)
    report = await bench.session.compare()
    assert report.unknown == ()
    assert bench.now(waiting).status is S.INTENT
    bench.store.release()
    await bench.settle()
    assert bench.now(waiting).status is S.OPEN
    bench.broker.before_answer = lambda order: bench.session.tasks.spawn(_compared(bench), "compare", service=True) and None
    out = bench.submit(quantity=1, price=99.0)
    await bench.settle()
    assert bench.now(out).status is S.OPEN


async def _compared(bench: SessionBench) -> None:
    report = await bench.session.compare()
    assert not any(order.status is S.UNKNOWN for order in report.unknown)


def test_an_order_that_was_unknown_before_a_restart_is_told_looked_up_and_held_against_new_ones(loop_run: Run) -> None:
    async def main() -> None:
        bench = SessionBench(is_live=True)
        before = Order("LBEFORE0000000000001", request(), S.UNKNOWN, quantity=10, created_ns=OPEN_NS, updated_ns=OPEN_NS)
        bench.store.remembered = {"orders": [before]}
        report = await bench.session.open()
        assert [order.id for order in report.unknown] == [before.id]
        assert bench.session.risk.unclear.why("hand", RELIANCE.key)
        assert any("before the restart is not known" in text for _, text in bench.notices)
        bench.broker.listed = [bench.broker.update(before, S.CANCELLED, is_snapshot=True, time_ns=bench.broker.clock.now_ns())]
        await passes(bench, 2)
        assert bench.now(before).status is S.CANCELLED
        assert not bench.session.risk.unclear
        await bench.close()

    loop_run(main())

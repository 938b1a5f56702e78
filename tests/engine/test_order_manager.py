"""An order leaves only after its journal line is safe, ends in one known state, and each fill is told exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.costs import RATES
from engine.core.errors import (
    AuthenticationError,
    BrokerError,
    ConnectionLost,
    InvalidOrder,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)
from engine.core.model import (
    EXTERNAL,
    BrokerFill,
    Fill,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderUpdate,
    Pending,
    Purpose,
    Verdict,
    to_units,
)
from engine.order_manager import OrderManager
from engine.store import StoreFailed
from engine.store.rows import JournalEntry
from engine.tasks import Tasks
from tests.engine.fakes import OPEN_NS, RELIANCE, TCS, FakeBroker, FakeStore, a_fill, request

S = OrderStatus
Run = Callable[[Any], Any]


class Bench:
    """An order manager between a fake store and a fake broker, and what it told."""

    def __init__(self) -> None:
        self.broker = FakeBroker()
        self.store = FakeStore()
        self.errors: list[BaseException] = []
        self.tasks = Tasks(on_failure=lambda name, error: self.errors.append(error))
        self.manager = OrderManager(self.tasks, self.store, self.broker.clock)  # type: ignore[arg-type]
        self.told: list[Order] = []
        self.fills: list[Fill] = []
        self.alarms: list[str] = []
        self.failures: list[str] = []
        self.heard: list[str] = []
        self.manager.order_changed.connect(self._on_order)
        self.manager.order_filled.connect(self._on_fill)
        self.manager.alarm_raised.connect(self.alarms.append)
        self.manager.store_failed.connect(self.failures.append)

    def _on_order(self, order: Order) -> None:
        self.told.append(order)
        self.heard.append(order.status.value)

    def _on_fill(self, fill: Fill) -> None:
        self.fills.append(fill)
        self.heard.append(f"fill {fill.quantity}")

    def submit(self, wanted: OrderRequest | None = None) -> Order:
        order = self.manager.create(wanted or request(), Verdict(True, reservation=7))
        self.manager.send(order, self.broker)
        return order

    async def placed(self, wanted: OrderRequest | None = None, status: OrderStatus = S.OPEN) -> Order:
        """Submit an order and let it rest at the exchange."""
        order = self.submit(wanted)
        await self.tasks.settle()
        self.manager.on_update(self.broker.update(order, status))
        return self.now(order)

    def now(self, order: Order) -> Order:
        return self.manager.order(order.id)


def test_nothing_leaves_before_its_line_in_the_journal_is_on_the_disk(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.store.holds = True
        order = bench.submit()
        await asyncio.sleep(0.01)
        assert bench.broker.sent == []
        assert bench.store.kinds(order.id) == ["INTENT", "SENT"]
        assert bench.now(order).status is S.INTENT
        bench.store.release()
        await bench.tasks.settle()
        assert [sent.id for sent in bench.broker.sent] == [order.id]
        assert bench.broker.sent[0].status is S.SENT
        assert bench.now(order).status is S.ACKED
        assert bench.now(order).broker_order_id == "B1"
        assert bench.heard == ["INTENT", "SENT", "ACKED"]

    loop_run(main())


def test_the_order_is_with_the_journal_when_send_returns(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = bench.submit()
        assert bench.store.of(Order)[-1].id == order.id
        await bench.tasks.settle()

    loop_run(main())


def test_a_denied_request_is_a_visible_order_that_never_leaves(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = bench.manager.create(request(), Verdict(False, "cash", "Too dear."))
        assert (order.status, order.message) == (S.DENIED, "Too dear.")
        assert bench.heard == ["DENIED"]
        assert bench.store.kinds(order.id) == ["DENIED"]
        assert bench.manager.working() == []

    loop_run(main())


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (OrderRejected("no margin"), S.REJECTED, "no margin"),
        (AuthenticationError("log in"), S.REJECTED, "log in"),
        (RateLimited("slow down"), S.REJECTED, "slow down"),
        (ConnectionLost("no route"), S.NOT_PLACED, "no route"),
        (OutcomeUnknown("timeout"), S.UNKNOWN, "timeout"),
        (BrokerError("something new"), S.UNKNOWN, "something new"),
    ],
)
def test_only_definite_answers_are_definite(loop_run: Run, answer: Exception, status: OrderStatus, says: str) -> None:
    async def main() -> None:
        bench = Bench()
        bench.broker.answers = [answer]
        order = bench.submit()
        await bench.tasks.settle()
        assert (bench.now(order).status, bench.now(order).message) == (status, says)
        assert len(bench.broker.sent) == 1, "nothing is ever sent again"
        assert bool(bench.alarms) == (status is S.UNKNOWN)
        assert bench.now(order) in bench.store.of(Order)

    loop_run(main())


def test_a_fault_of_ours_in_the_request_leaves_the_order_unknown_and_is_reported(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.broker.answers = [KeyError("data")]
        order = bench.submit()
        await bench.tasks.settle()
        assert bench.now(order).status is S.UNKNOWN
        assert isinstance(bench.errors[0], KeyError)

    loop_run(main())


def test_an_order_whose_request_is_broken_off_is_unknown(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.broker._answer = lambda: asyncio.sleep(60)  # type: ignore[method-assign]
        order = bench.submit()
        await asyncio.sleep(0.01)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await bench.tasks.settle()
        assert bench.now(order).status is S.UNKNOWN

    loop_run(main())


def test_without_a_journal_nothing_is_sent(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.store.failure = StoreFailed("disk full")
        order = bench.submit()
        await bench.tasks.settle()
        assert bench.broker.sent == []
        assert bench.now(order).status is S.NOT_PLACED
        assert bench.failures

    loop_run(main())


def test_what_the_broker_says_is_dealt_with_without_a_journal_too(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        bench.store.failure = StoreFailed("disk full")
        bench.manager.on_update(bench.broker.update(order, S.FILLED, ("1", 10, 100.0)))
        assert bench.now(order).status is S.FILLED
        assert len(bench.fills) == 1
        assert bench.failures == ["disk full"]

    loop_run(main())


def test_a_latched_gate_stops_an_order_at_the_last_moment(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.store.holds = True
        order = bench.submit()
        bench.manager.guard(lambda order: "killed", None)
        bench.store.release()
        await bench.tasks.settle()
        assert bench.broker.sent == []
        assert (bench.now(order).status, bench.now(order).message) == (S.NOT_PLACED, "killed")

    loop_run(main())


def test_an_entry_that_waited_too_long_is_not_sent_and_an_exit_is(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.store.holds = True
        entry, exit_ = bench.submit(), bench.submit(request(-1, purpose=Purpose.EXIT))
        bench.broker.clock.advance(5.1)
        bench.store.release()
        await bench.tasks.settle()
        assert bench.now(entry).status is S.NOT_PLACED
        assert [sent.id for sent in bench.broker.sent] == [exit_.id]

    loop_run(main())


def test_exits_wait_for_their_turn_and_entries_do_not(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        turn = asyncio.Event()
        bench.manager.guard(lambda order: "", lambda: turn.wait())  # type: ignore[arg-type,return-value]
        exit_, entry = bench.submit(request(-1, purpose=Purpose.EXIT)), bench.submit()
        await asyncio.sleep(0.01)
        assert [sent.id for sent in bench.broker.sent] == [entry.id]
        turn.set()
        await bench.tasks.settle()
        assert [sent.id for sent in bench.broker.sent] == [entry.id, exit_.id]

    loop_run(main())


def test_fills_are_told_before_the_order_and_duplicates_not_at_all(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        bench.heard.clear()
        half = bench.broker.update(order, S.PARTIAL, ("1", 4, 100.0))
        whole = bench.broker.update(order, S.FILLED, ("1", 4, 100.0), ("2", 6, 101.0), filled=10)
        for update in (half, half, whole, half, whole):
            bench.manager.on_update(update)
        assert bench.heard == ["fill 4", "PARTIAL", "fill 6", "FILLED"]
        assert (bench.now(order).average_price, bench.now(order).remaining) == (100.6, 0)
        assert [fill.trade_id for fill in bench.store.of(Fill)] == ["1", "2"]
        assert bench.manager.trades == bench.fills
        assert bench.manager.working() == []

    loop_run(main())


def test_a_ghost_is_told_with_an_alarm_once_and_its_cancel_is_asked_for(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        ghosts: list[Order] = []
        bench.manager.ghost_seen.connect(ghosts.append)
        bench.broker.answers = [OrderRejected("no margin")]
        order = bench.submit()
        await bench.tasks.settle()
        alive = bench.broker.update(order, S.OPEN, is_snapshot=True)
        for _ in range(2):
            bench.manager.on_update(alive)
        assert [(ghost.id, ghost.status, ghost.reservation) for ghost in ghosts] == [(order.id, S.OPEN, 0)]
        assert len(bench.alarms) == 1

    loop_run(main())


def test_the_broker_is_doubted_once_when_it_tells_of_two_ends(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        doubts: list[Order] = []
        bench.manager.doubt_raised.connect(doubts.append)
        order = await bench.placed()
        bench.manager.on_update(bench.broker.update(order, S.CANCELLED))
        for late in (1, 2, 3):
            bench.manager.on_update(bench.broker.update(order, S.REJECTED, time_ns=OPEN_NS + late))
        assert bench.now(order).status is S.CANCELLED
        assert [doubt.id for doubt in doubts] == [order.id]
        assert len(bench.alarms) == 1

    loop_run(main())


def test_a_row_with_an_unknown_word_is_kept_as_it_came(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        odd = bench.broker.update(order, None, raw_status="MOON", raw='{"status": "MOON"}')
        for _ in range(2):
            bench.manager.on_update(odd)
        lines = [row for row in bench.store.of(JournalEntry) if "row" in row.payload]
        assert [line.payload["row"] for line in lines] == ['{"status": "MOON"}']
        assert bench.now(order).status is S.OPEN
        assert len(bench.alarms) == 1

    loop_run(main())


def test_all_that_an_order_became_at_the_broker_belongs_to_it(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        bench.manager.on_update(bench.broker.update(order, S.OPEN, quantity=10, parts=("B1", "B7")))
        assert bench.manager.incarnations(order.id) == ["B1", "B7"]
        bench.manager.on_update(OrderUpdate("B7", "", S.PARTIAL, 4, (BrokerFill("t1", 4, 100.0, OPEN_NS),)))
        assert (bench.now(order).filled, len(bench.manager.orders)) == (4, 1)

    loop_run(main())


def test_what_was_known_before_a_restart_is_not_written_down_again(loop_run: Run) -> None:
    async def main() -> None:
        bench, after = Bench(), Bench()
        order = await bench.placed()
        whole = replace(bench.broker.update(order, S.FILLED, ("1", 10, 100.0), filled=10), time_ns=OPEN_NS)
        bench.manager.on_update(whole)
        # When the broker was last heard of it is not kept: it is told with the broker's next list.
        after.manager.restore([replace(bench.now(order), heard_ns=0)], bench.fills)
        after.manager.on_update(whole)
        assert (after.store.rows, after.heard) == ([], [])
        assert after.now(order).heard_ns == OPEN_NS

    loop_run(main())


def test_an_order_nobody_here_placed_and_nothing_is_known_of_is_told_once(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        for _ in range(3):
            bench.manager.on_update(OrderUpdate("X1", "", S.OPEN, 0))
        assert len(bench.alarms) == 1

    loop_run(main())


def test_each_of_many_thousand_trades_of_one_order_costs_the_same(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed(request(quantity=100_000))
        steps = 0

        class Counted(dict[str, int]):
            def values(self) -> Any:
                nonlocal steps
                steps += 1
                return super().values()

        bench.manager._log._trades[order.id] = Counted()
        for number in range(5_000):
            bench.manager.on_update(bench.broker.update(order, S.PARTIAL, (f"t{number}", 1, 100.0), filled=number + 1))
        assert (bench.now(order).filled, len(bench.fills)) == (5_000, 5_000)
        assert steps == 0, "nobody may walk over all trades for each of them"

    loop_run(main())


def test_an_order_of_a_hundred_thousand_trades_is_read_again_and_again_and_each_trade_counts_once(loop_run: Run) -> None:
    every, readings = 100_000, 4
    trades = tuple(BrokerFill(f"t{number}", 1, 100.0 + number % 7 * 0.05, OPEN_NS + number) for number in range(every))

    async def main() -> None:
        bench = Bench()
        order = await bench.placed(request(quantity=every))
        for upto in range(every // readings, every + 1, every // readings):
            status = S.FILLED if upto == every else S.PARTIAL
            told = replace(bench.broker.update(order, status, filled=upto), fills=trades[:upto], is_snapshot=True)
            for _ in range(2):
                bench.manager.on_update(told)
        assert [fill.trade_id for fill in bench.fills] == [trade.trade_id for trade in trades]
        now = bench.now(order)
        assert (now.status, now.filled, now.filled_value_units) == (S.FILLED, every, sum(to_units(trade.price) for trade in trades))
        assert len(bench.store.kinds(order.id)) < 20, "a reading is a line, not a trade"
        assert bench.alarms == []

    loop_run(main())


def test_an_update_may_be_faster_than_the_answer(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.broker.before_answer = lambda order: bench.manager.on_update(bench.broker.update(order, S.FILLED, ("1", 10, 100.0)))
        order = bench.submit()
        await bench.tasks.settle()
        assert (bench.now(order).status, bench.now(order).broker_order_id) == (S.FILLED, "B1")
        assert len(bench.fills) == 1

    loop_run(main())


def test_an_update_without_a_tag_waits_until_the_number_is_known(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()

        def early(order: Order) -> None:
            bench.manager.on_update(replace(bench.broker.update(order, S.FILLED, ("1", 10, 100.0)), tag=""))
            assert bench.fills == []

        bench.broker.before_answer = early
        order = bench.submit()
        await bench.tasks.settle()
        assert bench.now(order).status is S.FILLED
        assert bench.alarms == []

    loop_run(main())


def test_an_answer_after_the_truth_changes_nothing(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.broker.before_answer = lambda order: bench.manager.on_update(bench.broker.update(order, S.OPEN))
        bench.broker.answers = [OutcomeUnknown("timeout")]
        order = bench.submit()
        await bench.tasks.settle()
        assert bench.now(order).status is S.OPEN
        assert bench.alarms == []

    loop_run(main())


def test_an_unknown_order_that_shows_up_is_taken_up_again(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        bench.broker.answers = [OutcomeUnknown("timeout")]
        order = bench.submit()
        await bench.tasks.settle()
        bench.manager.on_update(bench.broker.update(order, S.FILLED, ("1", 10, 100.0)))
        assert bench.now(order).status is S.FILLED

    loop_run(main())


def test_an_order_from_elsewhere_counts_and_belongs_to_nobody_here(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        update = OrderUpdate("X9", "", S.OPEN, 0, request=request(-1, 3, owner="bot", price=99.0), quantity=3, time_ns=OPEN_NS)
        bench.manager.on_update(update)
        bench.manager.on_update(replace(update, status=S.PARTIAL, filled=1))
        (order,) = bench.manager.orders
        assert (order.request.owner, order.status, order.broker_order_id, order.filled) == (EXTERNAL, S.PARTIAL, "X9", 1)
        assert bench.store.kinds(order.id) == ["EXTERNAL", "UPDATE", "UPDATE"]

    loop_run(main())


def test_an_order_nobody_knows_anything_about_is_an_alarm() -> None:
    bench = Bench()
    bench.manager.on_update(OrderUpdate("X9", "", S.OPEN, 0))
    assert bench.manager.orders == []
    assert "X9" in bench.alarms[0]


def test_a_slice_of_an_order_at_the_broker_belongs_to_it(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        slice_ = replace(bench.broker.update(order, None), broker_order_id="B1-2")
        bench.manager.on_update(slice_)
        filled = replace(bench.broker.update(order, S.PARTIAL, ("7", 5, 100.0)), broker_order_id="B1-2", tag="")
        bench.manager.on_update(filled)
        assert bench.now(order).filled == 5

    loop_run(main())


def test_a_cancel_is_pending_until_the_update_says_so(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        assert bench.manager.cancel(order.id, bench.broker).pending is Pending.CANCEL
        assert bench.manager.cancel(order.id, bench.broker).pending is Pending.CANCEL
        await bench.tasks.settle()
        assert len(bench.broker.cancels) == 1
        assert bench.now(order).pending is Pending.CANCEL
        bench.manager.on_update(bench.broker.update(order, S.CANCELLED))
        assert (bench.now(order).status, bench.now(order).pending) == (S.CANCELLED, Pending.NONE)
        with pytest.raises(InvalidOrder, match="was CANCELLED; there is nothing to cancel"):
            bench.manager.cancel(order.id, bench.broker)

    loop_run(main())


def test_a_cancel_before_the_order_left_keeps_it_here(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = bench.submit()
        bench.manager.cancel(order.id, bench.broker)
        await bench.tasks.settle()
        assert (bench.broker.sent, bench.broker.cancels) == ([], [])
        assert (bench.now(order).status, bench.now(order).message) == (S.NOT_PLACED, "Cancelled before it left.")

    loop_run(main())


def test_a_cancel_waits_while_the_exchange_has_not_taken_the_order(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = bench.submit()
        await bench.tasks.settle()
        bench.manager.cancel(order.id, bench.broker)
        await bench.tasks.settle()
        assert bench.broker.cancels == [], "ACKED: the broker would refuse it"
        bench.manager.on_update(bench.broker.update(order, S.OPEN))
        await bench.tasks.settle()
        assert len(bench.broker.cancels) == 1

    loop_run(main())


def test_a_cancel_that_waited_is_dropped_when_the_order_ends(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = bench.submit()
        await bench.tasks.settle()
        bench.manager.cancel(order.id, bench.broker)
        bench.manager.on_update(bench.broker.update(order, S.REJECTED))
        await bench.tasks.settle()
        assert bench.broker.cancels == []

    loop_run(main())


@pytest.mark.parametrize(
    ("answers", "tries", "pending"),
    [
        ([ConnectionLost("gone")], 2, Pending.CANCEL),
        ([RateLimited("slow"), ConnectionLost("gone")], 3, Pending.CANCEL),
        ([ConnectionLost("gone")] * 3, 3, Pending.NONE),
        ([OrderRejected("already complete")], 1, Pending.NONE),
        ([OutcomeUnknown("timeout")], 1, Pending.CANCEL_UNKNOWN),
    ],
)
def test_a_cancel_is_tried_again_only_when_it_certainly_did_not_arrive(
    loop_run: Run, answers: list[Exception], tries: int, pending: Pending
) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        bench.broker.answers = list(answers)
        bench.manager.cancel(order.id, bench.broker)
        for _ in range(30):
            await asyncio.sleep(0)
            bench.broker.clock.advance(0.5)
        await bench.tasks.settle()
        assert len(bench.broker.cancels) == tries
        assert bench.now(order).pending is pending
        assert bool(bench.alarms) == (pending is not Pending.CANCEL)

    loop_run(main())


def test_a_change_is_asked_once_and_told_by_the_update(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed(request(price=100.0))
        change = OrderChange(price=101.0, quantity=12)
        asked = bench.manager.modify(order.id, change, bench.broker, reservation=9, purpose=Purpose.TRAIL)
        assert (asked.pending, asked.modifications, asked.reservation, asked.request.purpose) == (Pending.MODIFY, 1, 9, Purpose.TRAIL)
        with pytest.raises(InvalidOrder, match="wait for its answer"):
            bench.manager.modify(order.id, change, bench.broker)
        await bench.tasks.settle()
        assert bench.broker.changes[0][1] == change
        bench.broker.clock.advance(1)
        bench.manager.on_update(bench.broker.update(order, S.OPEN, price=101.0, quantity=12))
        now = bench.now(order)
        assert (now.price, now.quantity, now.pending) == (101.0, 12, Pending.NONE)
        assert "MODIFY_REQ" in bench.store.kinds(order.id)

    loop_run(main())


@pytest.mark.parametrize(("answer", "pending"), [(OrderRejected("no"), Pending.NONE), (OutcomeUnknown("?"), Pending.MODIFY_UNKNOWN)])
def test_a_change_that_failed_is_told(loop_run: Run, answer: Exception, pending: Pending) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed(request(price=100.0))
        bench.broker.answers = [answer]
        bench.manager.modify(order.id, OrderChange(price=101.0), bench.broker)
        await bench.tasks.settle()
        assert bench.now(order).pending is pending
        assert (bench.now(order).price, len(bench.alarms)) == (100.0, 1)

    loop_run(main())


def test_a_cancel_during_a_change_follows_it(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed(request(price=100.0))
        bench.broker.answers = [OrderRejected("no")]
        bench.manager.modify(order.id, OrderChange(price=101.0), bench.broker)
        bench.manager.cancel(order.id, bench.broker)
        assert bench.broker.cancels == []
        await bench.tasks.settle()
        assert len(bench.broker.cancels) == 1

    loop_run(main())


def test_an_order_can_be_changed_only_so_often(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed(request(price=100.0))
        bench.manager._log.keep(replace(bench.now(order), modifications=20))
        with pytest.raises(InvalidOrder, match="at most 20 changes"):
            bench.manager.modify(order.id, OrderChange(price=101.0), bench.broker)

    loop_run(main())


def test_all_or_some_working_orders_are_cancelled(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        mine = await bench.placed()
        bot = await bench.placed(request(owner="bot"))
        other = await bench.placed(request(owner="bot", instrument=TCS))
        assert [o.id for o in bench.manager.cancel_all(bench.broker, owner="bot", key=RELIANCE.key)] == [bot.id]
        assert [o.id for o in bench.manager.working("bot")] == [bot.id, other.id], "until the exchange says so"
        assert [o.id for o in bench.manager.working_in(TCS.key, other.request.product, "bot")] == [other.id]
        assert {o.id for o in bench.manager.cancel_all(bench.broker)} == {mine.id, bot.id, other.id}
        await bench.tasks.settle()
        assert len(bench.broker.cancels) == 3

    loop_run(main())


def test_each_fill_carries_its_share_of_the_order_s_charges(loop_run: Run) -> None:
    import numpy as np

    rates = np.zeros(1, RATES)
    rates["brokerage"], rates["brokerage_cap"] = 300_000, 200_000  # 0.03 %, at most Rs 20

    async def main() -> None:
        bench = Bench()
        bench.manager = OrderManager(bench.tasks, bench.store, bench.broker.clock, rates_of=lambda *_: rates)  # type: ignore[arg-type]
        bench.manager.order_filled.connect(bench.fills.append)
        order = await bench.placed(request(1, 1_000))
        for number, quantity in enumerate((100, 100, 800)):
            bench.manager.on_update(bench.broker.update(order, S.PARTIAL, (str(number), quantity, 100.0)))
        assert [fill.charges_units for fill in bench.fills] == [30_000, 30_000, 140_000]
        restored = OrderManager(bench.tasks, bench.store, bench.broker.clock, rates_of=lambda *_: rates)  # type: ignore[arg-type]
        restored.order_filled.connect(bench.fills.append)
        restored.restore([replace(bench.manager.order(order.id), status=S.PARTIAL, filled=200)], bench.fills[:2])
        restored.on_update(bench.broker.update(order, S.FILLED, ("0", 100, 100.0), ("1", 100, 100.0), ("2", 800, 100.0)))
        assert [fill.charges_units for fill in bench.fills[3:]] == [140_000], "what was charged before is not charged again"

    loop_run(main())


def test_restored_orders_are_found_by_the_broker_s_number_and_hold_no_old_reservation(loop_run: Run) -> None:
    async def main() -> None:
        first = Bench()
        order = await first.placed()
        again = Bench()
        again.manager.restore([first.now(order)], [])
        assert again.manager.order(order.id).reservation == 0
        assert again.heard == []
        again.manager.on_update(replace(first.broker.update(order, S.FILLED, ("1", 10, 100.0)), tag=""))
        assert again.manager.order(order.id).status is S.FILLED

    loop_run(main())


def test_scripts_place_orders_through_the_session_s_door() -> None:
    bench = Bench()
    with pytest.raises(InvalidOrder, match="Expected a session"):
        bench.manager.place_market(RELIANCE, request().side, 1)
    asked: list[OrderRequest] = []
    bench.manager.submit = lambda wanted: asked.append(wanted)  # type: ignore[assignment,func-returns-value,return-value]
    bench.manager.place_market(RELIANCE, request().side, 1, owner="script")
    bench.manager.place_limit(RELIANCE, request().side, 2, 99.5)
    bench.manager.place_stop(RELIANCE, request().side, 3, 98.5)
    assert [(a.order_type.value, a.quantity, a.price, a.trigger_price, a.owner) for a in asked] == [
        ("MARKET", 1, None, None, "script"),
        ("LIMIT", 2, 99.5, None, "hand"),
        ("SL-M", 3, None, 98.5, "hand"),
    ]


def test_an_unknown_id_and_an_adjustment() -> None:
    bench = Bench()
    with pytest.raises(InvalidOrder, match="'nope'"):
        bench.manager.order("nope")
    bench.manager.adjust(a_fill(1, 5, 100.0, owner=EXTERNAL, order_id=""))
    assert (len(bench.fills), bench.store.kinds()) == (1, ["ADJUST"])
    bench.manager.note("KILL", reason="test")
    assert bench.store.rows[-1].payload == {"reason": "test"}


def test_ids_are_never_the_same(loop_run: Run) -> None:
    async def main() -> None:
        bench = Bench()
        ids = {bench.manager.create(request(), Verdict(False)).id for _ in range(1_500)}
        assert len(ids) == 1_500
        assert {len(order_id) for order_id in ids} == {20}

    loop_run(main())


NEWS = st.lists(st.integers(0, 4), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(NEWS, st.booleans())
def test_however_news_arrive_positions_are_the_same(order_of_news: list[int], cancelled: bool) -> None:
    async def main() -> None:
        bench = Bench()
        order = await bench.placed()
        end = S.CANCELLED if cancelled else S.FILLED
        trades = (("1", 2, 100.0), ("2", 3, 100.5), ("3", 5, 101.0))[: 2 if cancelled else 3]
        news = [
            bench.broker.update(order, S.OPEN),
            bench.broker.update(order, S.PARTIAL, trades[0]),
            bench.broker.update(order, S.PARTIAL, trades[1]),
            bench.broker.update(order, end, *trades),
            bench.broker.update(order, None, *trades[:2]),
        ]
        for number in [*order_of_news, 3]:
            bench.manager.on_update(news[number])
        assert sorted(fill.trade_id for fill in bench.fills) == [trade[0] for trade in trades]
        assert bench.now(order).filled == sum(fill.quantity for fill in bench.fills)
        assert bench.now(order).status is end

    asyncio.run(main())

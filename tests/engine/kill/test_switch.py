"""The kill switch: nothing new after it, every order cancelled until that is certain, latched until a person says why not."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import AuthenticationError, ConnectionLost, OutcomeUnknown, UserError
from engine.core.model import OrderChange, OrderStatus, Pending, Purpose, TradingState
from engine.kill.report import Fate
from engine.kill_latch import KillLatch
from engine.store.rows import JournalEntry, StoreFailed
from tests.engine.fakes import FakeStore
from tests.engine.kill.kill_bench import KillBench, Run, kill_test
from tests.engine.sessions import turns

S = OrderStatus


def fates(bench: KillBench) -> dict[str, Fate]:
    """Return what the switch knows of each order."""
    report = bench.session.switch.report
    assert report is not None
    return {one.order.id: one.fate for one in report.orders}


@kill_test()
async def test_it_is_latched_before_the_call_that_presses_it_returns(bench: KillBench) -> None:
    seen: list[TradingState] = []
    bench.session.killed.connect(lambda reason: seen.append(bench.session.risk.state))
    bench.session.kill("storm")  # not one turn of the loop has passed
    assert bench.session.risk.state is TradingState.HALTED
    assert seen == [TradingState.HALTED]
    assert bench.submit().status is S.DENIED


@kill_test()
async def test_an_order_whose_line_is_being_written_does_not_leave(bench: KillBench) -> None:
    bench.store.holds = True
    entry = bench.submit()
    await turns()
    bench.session.kill("storm")
    bench.store.release()
    await bench.session.settle()
    assert bench.broker.sent == []
    assert bench.now(entry).status is S.NOT_PLACED


@kill_test()
async def test_a_change_that_waits_for_its_turn_does_not_leave(bench: KillBench) -> None:
    order = bench.submit(price=90.0)
    await bench.settle()
    bench.session.modify(order.id, OrderChange(quantity=50))
    bench.session.kill("storm")
    await bench.session.settle()
    assert bench.broker.changes == []
    await bench.cancelled()
    assert bench.now(order).status is S.CANCELLED


@kill_test()
async def test_what_a_broker_holds_back_is_looked_at_once_more(bench: KillBench) -> None:
    entry = bench.submit(price=90.0)
    assert bench.broker.last_look(entry) == ""
    bench.session.kill("storm")
    assert bench.broker.last_look(entry) == "Not sent: the account is HALTED: storm."
    exit_ = replace(entry, request=replace(entry.request, purpose=Purpose.EXIT))
    assert bench.broker.last_look(exit_) == "", "what reduces a position may leave"


@kill_test()
async def test_a_cancel_is_asked_for_until_the_broker_lists_it_as_cancelled(bench: KillBench) -> None:
    order = bench.submit(price=90.0)
    await bench.settle()
    bench.broker.answers = [ConnectionLost("no line"), ConnectionLost("no line"), OutcomeUnknown("the line broke")]
    bench.session.kill("storm")
    for _ in range(12):
        await bench.passes(0.5)
    assert len(bench.broker.cancels) >= 4, "asked again after an answer that nobody had"
    assert fates(bench)[order.id] is Fate.OPEN
    assert bench.broker.reads >= 4, "the broker's list is read, whatever messages say"
    bench.broker.listed = [bench.broker.update(bench.now(order), S.CANCELLED, is_snapshot=True)]
    await bench.passes(2)
    assert fates(bench)[order.id] is Fate.DONE
    assert bench.session.switch.report.is_over
    assert bench.store.kinds().count("KILL_RESULT") == 1


@kill_test()
async def test_the_trader_is_told_after_moments_and_again_at_the_end(bench: KillBench) -> None:
    order = bench.submit(price=90.0)
    await bench.settle()
    bench.session.kill("storm")
    await bench.passes(4)
    told = [(level, text) for level, text in bench.notices if "Kill switch" in text]
    assert [level for level, _ in told] == ["critical"]
    assert "STILL OPEN  BUY 10 RELIANCE" in told[0][1]
    await bench.cancelled()
    await bench.passes(1)
    told = [(level, text) for level, text in bench.notices if "Kill switch" in text]
    assert [level for level, _ in told] == ["critical", "warning"]
    assert "DONE  BUY 10 RELIANCE (cancelled)" in told[1][1]
    assert bench.now(order).status is S.CANCELLED


@kill_test(is_live=True)
async def test_an_order_of_unknown_fate_is_unknown_until_it_is_found_and_cancelled(bench: KillBench) -> None:
    bench.broker.answers = [OutcomeUnknown("the line broke")]
    order = bench.submit(price=90.0)
    await bench.session.settle()
    assert bench.now(order).status is S.UNKNOWN
    bench.session.kill("storm")
    await bench.passes(3)
    assert fates(bench)[order.id] is Fate.UNKNOWN
    bench.broker.listed = [bench.broker.update(bench.now(order), S.OPEN, is_snapshot=True)]
    await bench.passes(2)
    assert [one.id for one in bench.broker.cancels] == [order.id], "found, and cancelled at once"
    bench.broker.listed = []
    await bench.cancelled()
    await bench.passes(1)
    assert fates(bench)[order.id] is Fate.DONE


@kill_test()
async def test_a_dead_session_leaves_orders_open_in_words_and_cancels_them_after_the_log_in(bench: KillBench) -> None:
    order = bench.submit(price=90.0)
    await bench.settle()
    bench.broker.answers = [AuthenticationError("log in again")] * 3
    bench.broker.list_fails = AuthenticationError("log in again")
    bench.session.kill("storm")
    await bench.passes(4)
    assert fates(bench)[order.id] is Fate.OPEN
    bench.broker.answers, bench.broker.list_fails = [], None
    await bench.passes(10)
    await bench.cancelled()
    await bench.passes(1)
    assert fates(bench)[order.id] is Fate.DONE


@kill_test()
async def test_a_database_that_takes_nothing_more_stops_neither_latch_nor_cancels(bench: KillBench) -> None:
    order = bench.submit(price=90.0)
    await bench.settle()
    bench.store.failure = StoreFailed("the disk is full")
    bench.session.kill("storm")
    await bench.cancelled()
    await bench.passes(1)
    assert bench.now(order).status is S.CANCELLED
    assert "storm" in bench.session.risk.reason
    bench.store.failure = None


@kill_test()
async def test_an_order_found_while_the_books_are_compared_is_cancelled_too(bench: KillBench) -> None:
    """The broker's answer waits until the comparison is over; the switch goes on until then."""
    late = bench.submit(price=90.0)
    await bench.session.settle()
    bench.session.life._held_back = []
    bench.session.kill("storm")
    bench.says(late, S.OPEN)
    await bench.passes(1)
    held, bench.session.life._held_back = bench.session.life._held_back, None
    for update in held:
        bench.session.on_order_update(update)
    await bench.passes(2)
    await bench.cancelled()
    await bench.passes(1)
    assert bench.now(late).status is S.CANCELLED
    assert fates(bench)[late.id] is Fate.DONE


@kill_test()
async def test_the_trader_s_own_exit_after_it_is_not_cancelled(bench: KillBench) -> None:
    await bench.entered()
    bench.session.kill("storm")
    exit_ = bench.submit(-1, 10, price=110.0)
    await bench.settle()
    await bench.passes(3)
    assert bench.now(exit_).pending is Pending.NONE
    assert bench.broker.cancels == []


@kill_test()
async def test_it_is_taken_back_only_with_a_reason(bench: KillBench) -> None:
    bench.session.kill("storm")
    for nothing in ("", "  \n"):
        with pytest.raises(UserError, match="Expected the reason"):
            bench.session.rearm(nothing)
    assert bench.session.risk.state is TradingState.HALTED
    bench.session.rearm("the line  is back")
    assert bench.session.risk.state is TradingState.ACTIVE
    (line,) = [row for row in bench.store.rows if isinstance(row, JournalEntry) and row.kind == "REARM"]
    assert line.payload == {"reason": "the line is back"}


@pytest.mark.logs_warnings
@pytest.mark.parametrize("lost", ["file", "database", "nothing"])
def test_it_stays_latched_over_a_restart_with_file_or_database_alone(lost: str, tmp_path: Path, loop_run: Run) -> None:
    path = tmp_path / "kill.latch"

    async def main() -> None:
        store = FakeStore()
        bench = await KillBench(latch=path, store=store).open()
        bench.session.kill("storm")
        await bench.passes(1)
        await bench.close()
        if lost == "file":
            path.unlink()
        again = await KillBench(latch=path, store=FakeStore() if lost == "database" else store).open()
        assert (again.session.risk.state, again.session.risk.reason) == (TradingState.HALTED, "storm")
        assert again.submit().status is S.DENIED
        await again.session.settle()
        assert KillLatch(path).reason == "storm", "both hold again"
        again.session.rearm("looked at it")
        await again.close()
        third = await KillBench(latch=path, store=again.store).open()
        assert third.session.risk.state is TradingState.ACTIVE
        await third.close()

    loop_run(main())


@pytest.mark.logs_warnings
def test_cancels_that_a_crash_cut_off_go_on_after_it_and_closing_is_left_to_a_person(tmp_path: Path, loop_run: Run) -> None:
    path = tmp_path / "kill.latch"

    async def main() -> None:
        store = FakeStore()
        bench = await KillBench(latch=path, store=store).open()
        order = bench.submit(price=90.0)
        await bench.settle()
        bench.session.kill("storm", flatten=True)
        await asyncio.sleep(0)
        await bench.close()
        store.remembered = {"orders": [bench.now(order)]}
        again = KillBench(latch=path, store=store)
        again.broker.listed = [bench.broker.update(bench.now(order), S.OPEN, is_snapshot=True)]
        await again.open()
        await again.passes(1)
        assert [one.id for one in again.broker.cancels] == [order.id]
        assert again.exits() == []
        assert any("was closing positions" in text for _, text in again.notices)
        again.broker.listed = []
        await again.cancelled()
        await again.passes(1)
        assert again.session.switch.report.is_clean
        await again.close()

    loop_run(main())


@pytest.mark.logs_warnings
def test_nothing_is_closed_before_the_latch_is_on_the_disk(loop_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the process while positions are closed, the next one finds it stopped."""
    may_write, write = threading.Event(), KillLatch.set

    def slow(self: KillLatch, reason: str, **more: Any) -> None:
        may_write.wait(10)
        write(self, reason, **more)

    monkeypatch.setattr(KillLatch, "set", slow)

    async def main() -> None:
        bench = await KillBench(latch=tmp_path / "kill.latch").open()
        order = bench.submit()
        await bench.settle()
        bench.says(order, S.FILLED, ("1", 10, 100.0), filled=10)
        try:
            bench.session.kill("storm", flatten=True)
            await bench.passes(0.5, is_latched=False)
            assert bench.exits() == []
            may_write.set()
            async with asyncio.timeout(10):
                while not bench.exits():
                    await asyncio.sleep(0.001)
                    await bench.passes(0.1)
            assert bench.session.latch.is_set
        finally:
            may_write.set()
            await bench.close()

    loop_run(main())

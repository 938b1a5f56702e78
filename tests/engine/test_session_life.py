"""How a session begins, keeps its days, loses its broker, tells the screen, and ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from engine.core.errors import ConnectionLost
from engine.core.model import LinkState, OrderStatus, Position, Product, TradingState
from engine.session_books import COMPARE_AGAIN_S
from engine.store import StoreFailed
from engine.store.rows import AccountDay, SessionRow
from tests.engine.fakes import OPEN_NS, RELIANCE, FakeBroker, FakeStore, a_fill
from tests.engine.sessions import CAPITAL, SessionBench, turns
from tests.engine.test_guard import session_test

S = OrderStatus
Run = Callable[[Any], Any]
HELD = Position(RELIANCE, Product.MIS, "", 10, 1_000 * 10_000)


def test_a_session_is_written_down_from_its_beginning_to_its_end(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench().open()
        (begun,) = bench.store.of(SessionRow)
        assert (begun.account, begun.mode, begun.broker, begun.ended_ns) == ("paper", "paper", "fake", None)
        assert bench.store.account == "paper"
        bench.wall.advance(60)
        await bench.close()
        ended = bench.store.of(SessionRow)[-1]
        assert (ended.id, ended.ended_ns) == (begun.id, begun.started_ns + 60 * 10**9)
        assert bench.broker.is_closed
        assert bench.store.of(AccountDay)[-1].day == date(2025, 1, 2)

    loop_run(main())


def test_modes_are_told_by_the_broker(loop_run: Run) -> None:
    assert SessionBench(is_live=True).session.mode == "live"
    assert SessionBench(is_live=False).session.mode == "paper"


@session_test()
async def test_positions_and_trades_are_kept_as_they_change(bench: SessionBench) -> None:
    from engine.core.model import Trade

    await bench.entered()
    exit_ = bench.submit(-1, 10)
    await bench.settle()
    bench.fill(exit_, 101.0)
    assert [(p.owner, p.quantity) for p in bench.store.of(Position)] == [("hand", 10), ("hand", 0)]
    assert [trade.pnl_units for trade in bench.store.of(Trade)] == [100_000]


@session_test()
async def test_the_screen_hears_of_orders_fills_and_positions_at_once(bench: SessionBench) -> None:
    order = await bench.entered(stop=98.0)
    assert bench.view.orders[order.id].status is S.FILLED
    assert [fill.order_id for fill in bench.view.fills] == [order.id]
    assert bench.view.positions["NSE:RELIANCE", Product.MIS].quantity == 10
    assert bench.view.now_ns <= bench.broker.clock.now_ns()


@session_test()
async def test_marks_and_figures_are_told_with_the_frame(bench: SessionBench) -> None:
    await bench.entered()
    bench.wall.advance(0.2)
    await turns()
    told: list[Any] = []
    bench.view.account_changed.connect(told.append)
    bench.quote(101.0, 102.0, 103.0)
    await turns()
    assert told == []
    bench.wall.advance(0.1)
    await turns()
    assert [account.unrealised_units for account in told] == [30 * 10_000]
    assert bench.view.positions["NSE:RELIANCE", Product.MIS].last_price_units == 103 * 10_000
    assert bench.view.risk.used["max_positions"] == 1.0


@session_test()
async def test_the_day_s_figures_are_kept_now_and_then(bench: SessionBench) -> None:
    await bench.entered()
    before = len(bench.store.of(AccountDay))
    for seconds in (6, 1, 6):
        bench.quote(100.0 + seconds, 100.5 + seconds)
        await turns()
        bench.wall.advance(seconds)
        await turns()
    assert len(bench.store.of(AccountDay)) == before + 2
    assert bench.store.of(AccountDay)[-1].end_units == bench.session.account.equity_units


@session_test()
async def test_a_new_day_begins_with_what_the_old_one_ended_with(bench: SessionBench) -> None:
    await bench.entered()
    bench.quote(105.0)
    bench.broker.clock.advance(24 * 3_600)
    bench.quote(105.0)
    (row,) = [row for row in bench.store.of(AccountDay) if row.day == date(2025, 1, 2)][-1:]
    assert (row.end_units, row.fills, row.orders) == (CAPITAL + 50 * 10_000, 1, 1)
    account = bench.session.account
    assert (account.day_start_units, account.day_pnl_units) == (row.end_units, 0)


def restarted(capital_then: int, day: date) -> SessionBench:
    store = FakeStore()
    store.remembered = {
        "fills": [a_fill(1, 10, 100.0)],
        "sessions": [SessionRow("paper-1", "paper", "paper", "fake", 1, data={"capital_units": capital_then})],
        "days": [AccountDay("paper", day, CAPITAL - 500, CAPITAL + 100, peak_units=CAPITAL + 9_000, fills=1, orders=1)],
    }
    bench = SessionBench(store=store, broker=FakeBroker(is_live=False))
    bench.broker.held = [HELD]
    return bench


@pytest.mark.parametrize(
    ("capital", "day", "start", "peak"),
    [
        (CAPITAL, date(2025, 1, 2), CAPITAL - 500, CAPITAL + 9_000),
        (CAPITAL, date(2025, 1, 1), CAPITAL, CAPITAL + 9_000),
        (CAPITAL + 1, date(2025, 1, 2), CAPITAL, CAPITAL),
    ],
    ids=["the same day goes on", "the peak outlives the day", "another capital begins anew"],
)
def test_a_day_goes_on_over_a_restart(capital: int, day: date, start: int, peak: int, loop_run: Run) -> None:
    async def main() -> None:
        bench = restarted(capital, day)
        await bench.session.open()
        account = bench.session.account
        assert (account.day_start_units, account.peak_units, account.capital_units) == (start, peak, CAPITAL)
        assert bench.view.positions["NSE:RELIANCE", Product.MIS].quantity == 10
        assert len(bench.view.fills) == 1, "the day's fills are on the screen again"
        await bench.close()

    loop_run(main())


@session_test()
async def test_without_the_broker_only_exits_pass_until_the_books_agree_again(bench: SessionBench) -> None:
    await bench.entered()
    bench.broker.held = [HELD]
    bench.session.on_link(LinkState.DISCONNECTED, "cable")
    bench.session.on_link(LinkState.CONNECTING, "")
    assert bench.session.risk.state is TradingState.REDUCING
    assert "cable" in bench.session.risk.reason
    assert bench.submit().status is S.DENIED
    assert bench.submit(-1, 5, price=110.0).status is S.INTENT
    await bench.settle()
    bench.broker.list_fails = ConnectionLost("still down")
    bench.broker.listed = [bench.broker.update(o, S.OPEN, is_snapshot=True) for o in bench.working()]
    bench.broker.list_fails = None
    bench.session.on_link(LinkState.LIVE, "")
    assert bench.session.risk.state is TradingState.REDUCING, "not before the books are compared"
    await turns()
    assert bench.session.risk.state is TradingState.ACTIVE
    assert bench.view.link is LinkState.LIVE
    assert bench.store.kinds().count("LINK") == 3


@session_test(marks=True)
async def test_a_line_that_is_back_without_answers_leaves_only_exits(bench: SessionBench) -> None:
    bench.session.on_link(LinkState.DISCONNECTED, "cable")
    bench.broker.list_fails = ConnectionLost("half open")
    bench.session.on_link(LinkState.LIVE, "")
    await turns()
    assert bench.session.risk.state is TradingState.REDUCING
    bench.broker.list_fails = None
    bench.session.on_link(LinkState.LIVE, "")
    await turns()
    assert bench.session.risk.state is TradingState.ACTIVE


@session_test(marks=True)
async def test_a_line_that_stands_is_asked_again_until_it_answers(bench: SessionBench) -> None:
    bench.session.on_link(LinkState.DISCONNECTED, "cable")
    bench.broker.list_fails = ConnectionLost("half open")
    bench.session.on_link(LinkState.LIVE, "")
    await turns()
    for _ in range(2):
        bench.broker.clock.advance(COMPARE_AGAIN_S)
        await turns()
    assert bench.session.risk.state is TradingState.REDUCING
    assert bench.store.kinds().count("RECONCILED") == 1, "the one of the opening"
    bench.broker.list_fails = None
    bench.broker.clock.advance(COMPARE_AGAIN_S)
    await turns()
    assert bench.session.risk.state is TradingState.ACTIVE


@session_test()
async def test_a_line_that_is_lost_while_the_books_are_compared_is_not_taken_for_standing(bench: SessionBench) -> None:
    bench.session.on_link(LinkState.DISCONNECTED, "cable")
    bench.session.on_link(LinkState.LIVE, "")
    bench.session.on_link(LinkState.DISCONNECTED, "cable again")
    await turns()
    assert bench.session.risk.state is TradingState.REDUCING


@pytest.mark.logs_warnings
def test_what_could_not_be_written_at_the_end_is_told(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench().open()
        bench.store.failure = StoreFailed("disk full")
        await bench.close()
        assert any("Not everything was written down" in text for _, text in bench.notices)

    loop_run(main())


@session_test()
async def test_stops_of_the_account_are_told(bench: SessionBench) -> None:
    bench.session.risk.reduce("enough for today")
    assert ("warning", "The account is REDUCING: enough for today.") in bench.notices
    bench.session.risk.resume("again")
    assert bench.notices[-1] == ("warning", "The account is ACTIVE.")


@session_test()
async def test_protection_that_could_not_be_sent_while_halted_is_sent_after(bench: SessionBench) -> None:
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.session.risk.halt("wait")
    bench.fill(order, 100.0)
    await bench.settle()
    assert bench.working() == []
    bench.session.risk.resume("go on")
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]


def test_a_session_works_without_a_screen(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench(with_view=False).open()
        await bench.entered(stop=98.0)
        bench.quote(99.0)
        bench.session.risk.reduce("enough")
        assert bench.session.account.unrealised_units == -10 * 10_000
        await bench.close()

    loop_run(main())


def test_time_begins_with_the_market_s_clock() -> None:
    assert SessionBench().session.clock.now_ns() == OPEN_NS

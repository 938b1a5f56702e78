"""One account, from the wish to the last paisa: through rules, journal, exchange, positions and screen, and over a restart."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.simulated import SimulatedBroker
from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.errors import InvalidOrder, OutcomeUnknown, UnknownSymbol
from engine.core.model import Fill, Order, OrderChange, OrderStatus, OrderType, Product, Purpose, TradingState, to_rupees, to_units
from engine.core.records import BAR, Rows
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff
from engine.view import EngineView
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, TCS, FakeBroker, FakeStore, request
from tests.engine.sessions import CAPITAL, SessionBench, turns
from tests.engine.test_guard import session_test

S = OrderStatus
Run = Callable[[Any], Any]
MINUTE_NS = 60 * SECOND_NS


def bars(*prices: tuple[float, float, float, float]) -> Rows:
    """Make minute bars from 09:15 of (open, high, low, close)."""
    rows = np.zeros(len(prices), dtype=BAR)
    for minute, price in enumerate(prices):
        rows[minute] = (OPEN_NS + minute * MINUTE_NS, minute, 0, *price, 1_000, 0)
    return rows


class Replay:
    """A session over bars that are played again, with a store and an exchange that keep files."""

    def __init__(self, folder: Path, rows: Rows, *, resume: bool = False, view: EngineView | None = None) -> None:
        self.broker = SimulatedBroker(replay={RELIANCE: rows}, file=folder / "exchange.db", resume=resume, capital=100_000, interval_s=60)
        self.store = Store.open(folder / "shikra.db")
        self.session = TradingSession(
            self.broker, self.store, view, limits={}, capital_units=to_units(100_000), tariff=Tariff.load(), calendar=Calendar.load()
        )
        self.fills: list[Fill] = []
        self.session.orders.order_filled.connect(self.fills.append)

    async def open(self) -> Replay:
        await self.session.open()
        await self.session.subscribe([RELIANCE])
        return self

    async def play(self) -> None:
        await self.broker.start_market()
        await self.broker.wait_until_done()
        await self.session.settle()

    async def close(self) -> None:
        await self.session.close()
        self.store.close()

    def told(self) -> list[tuple[str, int, float, float]]:
        return [(fill.purpose.value, fill.signed_quantity, fill.price, float(to_rupees(fill.charges_units))) for fill in self.fills]


FLAT = (1_000.0, 1_001.0, 999.0, 1_000.0)


@pytest.mark.parametrize(
    ("way", "exit_at", "purpose"),
    [
        ([FLAT, (1_000.0, 1_012.0, 999.0, 1_011.0)], 1_010.0, Purpose.TARGET),
        ([FLAT, (1_000.0, 1_001.0, 993.0, 994.0)], 995.0, Purpose.STOP),
        ([FLAT, (990.0, 992.0, 989.0, 991.0)], 990.0, Purpose.STOP),
        ([FLAT, (1_015.0, 1_016.0, 1_014.0, 1_015.0)], 1_015.0, Purpose.TARGET),
        ([(1_000.0, 1_011.0, 994.0, 1_000.0)], 995.0, Purpose.STOP),
    ],
    ids=["target", "stop", "gap through the stop", "gap through the target", "both in one bar: the worse"],
)
def test_a_hand_s_order_with_stop_and_target_to_the_paisa(
    way: list[tuple[float, float, float, float]], exit_at: float, purpose: Purpose, tmp_path: Path, loop_run: Run
) -> None:
    async def main() -> None:
        view = EngineView()
        replay = await Replay(tmp_path, bars(*way, FLAT), view=view).open()
        order = replay.session.submit(request(1, 20, reference_price=1_000.0, stop=995.0, target=1_010.0))
        assert order.status is S.INTENT
        await replay.play()
        buy, sell = replay.told()
        # Intraday: 0.03 % brokerage (at most Rs 20), STT 0.025 % of the sale, NSE 0.00307 %, SEBI, stamp 0.003 % of the purchase, GST.
        assert buy[:3] == ("entry", 20, 1_000.0)
        assert sell[:3] == (purpose.value, -20, exit_at)
        exchange = {f.trade_id: f for f in replay.fills}
        assert len(exchange) == 2
        account = replay.session.account
        charges = sum(Decimal(str(paid)) for *_, paid in replay.told())
        assert to_rupees(account.equity_units) == Decimal(100_000) + 20 * Decimal(str(exit_at - 1_000.0)) - charges
        assert account.exposure_units == 0
        assert view.account is None or view.account.capital_units == account.capital_units
        assert [trade.pnl_units for trade in view.trades] == [to_units(20 * (exit_at - 1_000.0))]
        assert [o.status for o in replay.session.orders.orders] == [
            S.FILLED,
            *((S.FILLED, S.CANCELLED) if purpose is Purpose.STOP else (S.CANCELLED, S.FILLED)),
        ]
        assert (await replay.broker.positions())[0].quantity == 0
        await replay.close()
        store = Store.open(tmp_path / "shikra.db")
        assert sum(fill.charges_units for fill in store.fills("paper")) == to_units(charges)
        assert [p.realised_units for p in store.positions("paper")] == [to_units(20 * (exit_at - 1_000.0))]
        assert store.verify_journal() == len(store.journal())
        store.close()

    loop_run(main())


def test_charges_of_a_known_round_trip(tmp_path: Path, loop_run: Run) -> None:
    async def main() -> None:
        replay = await Replay(tmp_path, bars(FLAT, (1_010.0, 1_011.0, 1_009.0, 1_010.0), FLAT)).open()
        turn = request(-1, 20, reference_price=1_000.0)
        replay.session.orders.order_filled.connect(lambda fill: replay.session.submit(turn) if fill.side > 0 else None)
        replay.session.submit(request(1, 20, reference_price=1_000.0))
        await replay.play()
        # 20,000 bought: 6.00 + 0.61 + 0.02 + 0.60 + GST 1.19 (18 % of 6.63); rates of January 2025.
        assert replay.told()[0] == ("entry", 20, 1_000.0, 8.42)
        assert replay.told()[1][:3] == ("exit", -20, 1_010.0), "the trader's order against a position is an exit"
        await replay.close()

    loop_run(main())


def test_a_session_that_was_cut_off_finds_its_fills_and_its_protection_again(tmp_path: Path, loop_run: Run) -> None:
    rows = bars(FLAT, FLAT, FLAT, (1_000.0, 1_001.0, 993.0, 994.0), FLAT)

    async def cut() -> list[str]:
        replay = await Replay(tmp_path, rows[:2]).open()
        replay.session.submit(request(1, 20, reference_price=1_000.0, stop=995.0, target=1_010.0))
        await replay.play()
        await replay.store.flush()
        ids = sorted(order.id for order in replay.session.orders.orders)
        # The power fails: nothing is said to anybody.
        await replay.session.tasks.close()
        await replay.broker.close()
        replay.store.close()
        return ids

    async def again(ids: list[str]) -> None:
        replay = Replay(tmp_path, rows, resume=True)
        report = await replay.session.open()
        assert report.fills == ()
        assert sorted(order.id for order in replay.session.orders.orders) == ids
        assert replay.session.position(RELIANCE, Product.MIS, "hand").quantity == 20
        assert len(replay.session.orders.working()) == 2
        await replay.session.subscribe([RELIANCE])
        await replay.play()
        assert replay.told()[0][:3] == ("stop", -20, 995.0)
        assert replay.session.orders.working() == []
        assert sum(fill.signed_quantity for fill in replay.session.orders.trades) == 0
        assert len({(fill.order_id, fill.trade_id) for fill in replay.session.orders.trades}) == 2
        await replay.close()

    ids = loop_run(cut())
    loop_run(again(ids))


def test_fills_that_only_the_exchange_remembers_are_recovered_once(tmp_path: Path, loop_run: Run) -> None:
    rows = bars(FLAT, FLAT, FLAT)

    async def main() -> None:
        lost = await Replay(tmp_path, rows).open()
        order = lost.session.submit(request(1, 20, reference_price=1_000.0, stop=995.0))
        await lost.session.settle()
        await lost.store.flush()
        lost.store.close()  # from here on our database hears nothing any more
        lost.session.orders._log.fail = lambda reason: None
        lost.session.life.keep = lambda *rows: None  # type: ignore[method-assign]
        await lost.broker.start_market()
        await lost.broker.wait_until_done()
        await lost.session.tasks.close()
        await lost.broker.close()

        replay = Replay(tmp_path, rows, resume=True)
        report = await replay.session.open()
        assert [fill.order_id for fill in report.fills] == [order.id]
        assert replay.session.orders.order(order.id).status is S.FILLED
        assert replay.session.position(RELIANCE, Product.MIS).quantity == 20
        assert replay.session.guard.plan(RELIANCE, Product.MIS, "hand") is not None
        await replay.session.settle()
        await replay.close()

    loop_run(main())


@session_test()
async def test_what_is_denied_is_shown_and_never_leaves(bench: SessionBench) -> None:
    order = bench.submit(quantity=0)
    assert (order.status, bench.view.orders[order.id]) == (S.DENIED, order)
    await bench.settle()
    assert bench.broker.sent == []


@session_test()
async def test_the_last_price_values_an_order_that_names_none(bench: SessionBench) -> None:
    order = bench.submit(reference_price=None)
    assert order.request.reference_price == 100.0
    assert bench.session.submit(request(instrument=TCS, reference_price=None)).status is S.DENIED, "nobody knows what TCS costs"
    await bench.settle()


@session_test()
async def test_the_trader_s_orders_against_a_position_reduce_it_or_turn_it_round(bench: SessionBench) -> None:
    await bench.entered()
    assert bench.submit(-1, 4, price=110.0).request.purpose is Purpose.EXIT
    assert bench.submit(-1, 6, price=111.0).request.purpose is Purpose.EXIT
    assert bench.submit(-1, 1, price=112.0).request.purpose is Purpose.REVERSAL, "all of it is being closed already"
    assert bench.submit(1, 1).request.purpose is Purpose.ENTRY
    bench.session.risk.reduce("enough")
    assert bench.submit(-1, 5, price=113.0).status is S.DENIED
    await bench.settle()


@session_test()
async def test_a_change_is_checked_and_its_reservation_follows(bench: SessionBench) -> None:
    order = bench.submit(price=99.0)
    with pytest.raises(InvalidOrder, match="wait for its answer"):
        bench.session.modify(order.id, OrderChange(price=98.0))
    await bench.settle()
    with pytest.raises(InvalidOrder, match="free cash"):
        bench.session.modify(order.id, OrderChange(quantity=10**6))
    assert bench.session.risk.reservations.units() == 990 * 10_000
    bench.session.modify(order.id, OrderChange(quantity=20))
    await bench.settle()
    assert (bench.now(order).quantity, bench.session.risk.reservations.units()) == (20, 1_980 * 10_000)
    bench.session.cancel(order.id)
    await bench.settle()
    assert bench.session.risk.reservations.units() == 0


@session_test()
async def test_cancel_all_takes_back_what_works(bench: SessionBench) -> None:
    await bench.entered(stop=98.0)
    bench.submit(price=90.0, owner="bot")
    await bench.settle()
    assert len(bench.session.cancel_all(owner="bot")) == 1
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]


@session_test()
async def test_positions_are_found_by_key(bench: SessionBench) -> None:
    await bench.entered()
    assert bench.session.position("NSE:RELIANCE").quantity == 10
    assert bench.session.position("NSE:RELIANCE", Product.CNC).quantity == 0
    with pytest.raises(UnknownSymbol, match='did you mean "NSE:RELIANCE"'):
        bench.session.position("NSE:RELIANC")


@session_test(marks=True)
async def test_the_kill_switch_stops_cancels_and_leaves_positions_alone(bench: SessionBench) -> None:
    await bench.entered(stop=98.0)
    waiting, leaving = bench.submit(price=90.0), bench.submit(quantity=3)
    bench.session.kill("test")
    assert bench.session.risk.state is TradingState.HALTED
    assert bench.submit().status is S.DENIED
    await bench.settle()
    assert bench.working() == []
    assert bench.now(leaving).status is S.NOT_PLACED
    assert bench.now(waiting).status is S.NOT_PLACED
    assert bench.session.position(RELIANCE).quantity == 10
    assert "KILL" in bench.store.kinds()
    exit_ = bench.submit(-1, 10)
    assert exit_.status is S.INTENT, "the trader's own exit passes"
    bench.session.rearm("all is well")
    assert bench.session.risk.state is TradingState.ACTIVE
    await bench.settle()


def test_the_kill_switch_holds_over_a_restart_and_from_outside(tmp_path: Path, loop_run: Run) -> None:
    latch = tmp_path / "kill.latch"

    async def main() -> None:
        bench = await SessionBench(latch=latch).open()
        bench.session.kill("storm")
        await bench.settle()
        await bench.close()
        assert latch.read_text() == "storm\n"
        again = await SessionBench(latch=latch).open()
        assert (again.session.risk.state, again.session.risk.reason) == (TradingState.HALTED, "storm")
        again.session.rearm("over")
        assert not latch.exists()
        order = again.submit()
        latch.write_text("another process\n")
        await again.session.settle()
        assert again.broker.sent == []
        assert again.now(order).status is S.NOT_PLACED
        assert again.session.risk.reason == "another process"
        await again.close()

    loop_run(main())


@pytest.mark.logs_warnings
def test_a_latch_that_cannot_be_written_holds_all_the_same(tmp_path: Path, loop_run: Run) -> None:
    (tmp_path / "file").write_text("")

    async def main() -> None:
        bench = await SessionBench(latch=tmp_path / "file" / "kill.latch").open()
        bench.session.kill("storm")
        await bench.settle()
        assert bench.session.risk.state is TradingState.HALTED
        assert any("not over a restart" in text for _, text in bench.notices)
        await bench.close()

    loop_run(main())


@session_test()
async def test_an_entry_checked_before_a_stop_does_not_leave_after_it(bench: SessionBench) -> None:
    bench.store.holds = True
    order = bench.submit()
    bench.session.risk.reduce("enough")
    bench.store.release()
    await bench.settle()
    assert bench.broker.sent == []
    assert bench.now(order).message == "Not sent: the account is REDUCING: enough."


@session_test(marks=True)
async def test_when_the_database_fails_nothing_new_is_risked_and_cancels_go_on(bench: SessionBench) -> None:
    from engine.store import StoreFailed

    order = bench.submit(price=99.0)
    await bench.settle()
    bench.store.failure = StoreFailed("disk full")
    bench.submit(price=98.0)
    await bench.session.settle()
    assert bench.session.risk.state is TradingState.HALTED
    assert "disk full" in bench.session.risk.reason
    bench.session.cancel(order.id)
    await bench.settle()
    assert bench.now(order).status is S.CANCELLED
    bench.store.failure = None


@session_test(marks=True)
async def test_a_fault_of_ours_stops_new_risk(bench: SessionBench) -> None:
    bench.broker.answers = [ZeroDivisionError("ours")]
    order = bench.submit()
    await bench.session.settle()
    assert bench.session.risk.state is TradingState.HALTED
    assert bench.now(order).status is S.UNKNOWN
    assert any("ZeroDivisionError" in text for _, text in bench.notices)


@session_test(limits={"message_rate": 8}, is_live=True)
async def test_cancels_wait_for_their_turn_where_a_rate_is_given(bench: SessionBench) -> None:
    orders = [bench.submit(quantity=n, price=90.0) for n in (1, 2, 3, 4, 5)]
    await bench.settle()
    bench.broker.clock.advance(2)
    for order in orders:
        bench.session.cancel(order.id)
    bench.session.risk.count_message()
    bench.session.risk.count_message()
    bench.session.risk.count_message()
    bench.session.risk.count_message()
    await turns()
    assert len(bench.broker.cancels) == 4
    for _ in range(4):
        bench.broker.clock.advance(1)
        await turns()
    assert len(bench.broker.cancels) == 5


@session_test(limits={"max_daily_loss": 100})
async def test_a_day_that_lost_too_much_opens_nothing_more_until_the_next(bench: SessionBench) -> None:
    await bench.entered(quantity=100, owner="bot")
    bench.quote(99.05)
    assert bench.session.risk.state is TradingState.ACTIVE
    bench.quote(99.0)
    assert bench.session.risk.state is TradingState.REDUCING
    assert bench.submit(owner="bot").status is S.DENIED
    bench.broker.clock.advance(24 * 3_600)
    bench.quote(99.0)
    assert bench.session.risk.state is TradingState.ACTIVE
    assert bench.session.account.day_pnl_units == 0


@session_test()
async def test_an_owner_that_lost_too_much_is_told(bench: SessionBench) -> None:
    bench.session.positions.set_capital(CAPITAL, "bot")
    bench.session.risk.limit_owner("bot", {"max_daily_loss": 50})
    await bench.entered(quantity=100, owner="bot")
    bench.quote(99.0)
    assert bench.submit(owner="bot").status is S.DENIED
    assert bench.submit(owner="other").status is S.INTENT
    assert any("bot opens nothing more" in text for _, text in bench.notices)
    await bench.settle()


@session_test(marks=True)
async def test_an_order_of_unknown_fate_is_looked_up_and_taken_over(bench: SessionBench) -> None:
    bench.broker.answers = [OutcomeUnknown("timeout")]
    order = bench.submit(stop=98.0)
    await bench.session.settle()
    assert bench.now(order).status is S.UNKNOWN
    assert bench.session.risk.reservations.units() == 1_000 * 10_000, "it may still fill"
    bench.broker.listed = [bench.broker.update(order, S.FILLED, ("1", 10, 100.0), is_snapshot=True)]
    for _ in range(3):
        bench.broker.clock.advance(0.4)
        await turns()
    assert bench.now(order).status is S.FILLED
    await bench.settle()
    assert bench.resting() == [("stop", -1, 98.0, 10)]


def test_scripts_may_place_orders_through_the_manager(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench(with_view=False).open()
        order: Order = bench.session.orders.place_limit(RELIANCE, request().side, 5, 99.0)
        assert (order.status, order.request.order_type) == (S.INTENT, OrderType.LIMIT)
        await bench.settle()
        await bench.close()

    loop_run(main())


@session_test()
async def test_an_entry_on_its_way_does_not_leave_once_its_owner_is_stopped(bench: SessionBench) -> None:
    bench.store.holds = True
    first, second = bench.submit(owner="one", quantity=1), bench.submit(owner="two", quantity=2)
    assert bench.broker.last_look(first) == ""
    bench.session.risk.stop_owner("one", "broker_rejects", "three were refused")
    bench.store.release()
    await bench.settle()
    assert [order.id for order in bench.broker.sent] == [second.id]
    assert bench.now(first).message == "Not sent: one is REDUCING: three were refused."
    assert bench.broker.last_look(first) == "Not sent: one is REDUCING: three were refused."


def test_a_session_that_is_over_is_let_go_of_with_all_that_it_kept(loop_run: Callable[..., Any]) -> None:
    made: list[weakref.ref[TradingSession]] = []

    async def play() -> None:
        session = TradingSession(FakeBroker(), FakeStore(), limits={}, capital_units=CAPITAL, account="x", clock=ManualClock(OPEN_NS))
        made.append(weakref.ref(session))
        await session.open()
        await session.close()

    loop_run(play())
    gc.collect()
    assert made[0]() is None, "a signal that holds its receiver keeps a session for ever"

"""The broker's word is the truth, its silence is not; and nothing is ever sent to make the books agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.brokers.base import Funds, Holding
from engine.brokers.triggers import Gtt
from engine.calendar import day_of
from engine.core.errors import BrokerError, ConnectionLost, OutcomeUnknown
from engine.core.model import EXTERNAL, Order, OrderStatus, OrderUpdate, Pending, Position, Product, Purpose, TradingState
from engine.reconcile import LOOKS_S, Report
from engine.reconcile.profit import profit_differences
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, TCS, FakeBroker, FakeStore, a_fill, request
from tests.engine.sessions import SessionBench, turns

S = OrderStatus
Run = Callable[[Any], Any]
LATE_NS = OPEN_NS + 60 * SECOND_NS


def before(status: OrderStatus, number: str = "B1", **more: Any) -> Order:
    """An order of before the restart."""
    fields: dict[str, Any] = {"quantity": 10, "created_ns": OPEN_NS, "updated_ns": OPEN_NS, "broker_order_id": number, "reservation": 99}
    return Order("PBEFORE0000000000001", request(), status, **(fields | more))


def listed(status: OrderStatus, *, filled: int = 0, **more: Any) -> OrderUpdate:
    fields: dict[str, Any] = {"pending": Pending.NONE, "time_ns": LATE_NS, "is_snapshot": True}
    return OrderUpdate("B1", "PBEFORE0000000000001", status, filled, **(fields | more))


def trade(number: str, quantity: int, price: float) -> Any:
    from engine.core.model import BrokerFill

    return BrokerFill(number, quantity, price, LATE_NS)


def restarted(orders: list[Order], *, is_live: bool = True, fills: Any = (), days: Any = ()) -> SessionBench:
    store = FakeStore()
    store.remembered = {"orders": orders, "fills": list(fills), "days": list(days)}
    broker = FakeBroker(is_live=is_live)
    broker.clock.set(LATE_NS)
    return SessionBench(store=store, broker=broker)


def run(loop_run: Run, bench: SessionBench, check: Callable[[Report], None], *, positions: tuple[Position, ...] = ()) -> None:
    async def main() -> None:
        bench.broker.held = list(positions)
        report = await bench.session.open()
        check(report)
        assert bench.broker.sent == [], "comparing never sends anything"
        await bench.close()

    loop_run(main())


HELD = Position(RELIANCE, Product.MIS, "", 10, 1_000 * 10_000)


@pytest.mark.logs_warnings
def test_fills_of_while_nobody_looked_are_taken_over_once(loop_run: Run) -> None:
    known = a_fill(1, 4, 100.0, trade_id="1", order_id="PBEFORE0000000000001")
    bench = restarted([before(S.PARTIAL, filled=4, filled_value_units=4_000_000)], fills=[known])
    bench.broker.listed = [listed(S.FILLED, filled=10, fills=(trade("1", 4, 100.0), trade("2", 6, 101.0)))]

    def check(report: Report) -> None:
        assert [fill.trade_id for fill in report.fills] == ["2"]
        assert str(report) == "1 orders at the broker, 1 fills recovered"
        assert bench.session.position(RELIANCE).quantity == 10
        assert bench.session.orders.order("PBEFORE0000000000001").status is S.FILLED
        assert [fill.trade_id for fill in bench.session.orders.trades] == ["1", "2"]

    run(loop_run, bench, check, positions=(HELD,))


@pytest.mark.parametrize("status", [S.INTENT, S.SENT, S.UNKNOWN])
def test_an_order_that_a_complete_list_does_not_have_was_never_placed(status: OrderStatus, loop_run: Run) -> None:
    bench = restarted([before(status, "")], is_live=False)

    def check(report: Report) -> None:
        (order,) = report.not_placed
        assert (order.status, report.unknown) == (S.NOT_PLACED, ())
        assert bench.session.risk.reservations.units() == 0

    run(loop_run, bench, check)


@pytest.mark.logs_warnings
@pytest.mark.parametrize("status", [S.INTENT, S.SENT, S.UNKNOWN])
def test_with_real_money_silence_is_no_proof(status: OrderStatus, loop_run: Run) -> None:
    bench = restarted([before(status, "")])

    def check(report: Report) -> None:
        (order,) = report.unknown
        assert (order.status, report.not_placed, report.is_clean) == (S.UNKNOWN, (), False)
        assert bench.session.risk.reservations.count() == 1, "it counts as working"

    run(loop_run, bench, check)


DAY_BEFORE_NS = OPEN_NS - 24 * 3_600 * SECOND_NS


def test_a_resting_order_of_yesterday_that_is_listed_no_longer_has_expired(loop_run: Run) -> None:
    bench = restarted([before(S.OPEN, created_ns=DAY_BEFORE_NS)])
    run(loop_run, bench, lambda report: None)
    assert bench.session.orders.order("PBEFORE0000000000001").status is S.EXPIRED


@pytest.mark.logs_warnings
def test_a_resting_order_of_today_that_is_not_listed_is_still_there_for_the_list_may_be_old(loop_run: Run) -> None:
    bench = restarted([before(S.OPEN)])
    run(loop_run, bench, lambda report: [order.id for order in report.unknown] == ["PBEFORE0000000000001"] or pytest.fail("not told"))
    assert bench.session.orders.order("PBEFORE0000000000001").status is S.OPEN


@pytest.mark.logs_warnings
@pytest.mark.parametrize("status", [S.INTENT, S.SENT, S.UNKNOWN])
def test_an_order_of_yesterday_whose_fate_nobody_learned_is_left_to_a_person(status: OrderStatus, loop_run: Run) -> None:
    bench = restarted([before(status, "", created_ns=DAY_BEFORE_NS)])
    run(loop_run, bench, lambda report: None)
    assert bench.session.orders.order("PBEFORE0000000000001").status is S.OPERATOR


def test_a_resting_order_is_counted_anew(loop_run: Run) -> None:
    bench = restarted([before(S.OPEN)])
    bench.broker.listed = [listed(S.OPEN)]

    def check(report: Report) -> None:
        order = bench.session.orders.order("PBEFORE0000000000001")
        assert (order.status, order.reservation) == (S.OPEN, 1)
        assert bench.session.risk.reservations.units() == 1_000 * 10_000
        assert bench.view is not None
        assert bench.view.orders.keys() == {order.id}

    run(loop_run, bench, check)


@pytest.mark.logs_warnings
def test_orders_and_positions_from_elsewhere_are_taken_over_and_told(loop_run: Run) -> None:
    bench = restarted([])
    elsewhere = OrderUpdate("X1", "", S.OPEN, 0, request=request(-1, 3, price=110.0), quantity=3, time_ns=LATE_NS)
    bench.broker.listed = [elsewhere]
    held = (replace(HELD, quantity=7, cost_units=700 * 10_000), Position(TCS, Product.CNC, "", -2, -400 * 10_000))

    def check(report: Report) -> None:
        assert [order.request.owner for order in report.external] == [EXTERNAL]
        assert [(fill.instrument, fill.signed_quantity, fill.price) for fill in report.adjusted] == [(RELIANCE, 7, 100.0), (TCS, -2, 200.0)]
        assert bench.session.positions.open_books(EXTERNAL)[0].quantity == 7
        assert str(report) == "1 orders at the broker, 1 orders from elsewhere, 2 positions adjusted"
        assert bench.session.risk.state is TradingState.REDUCING, "until a person has looked"
        assert any("2 positions adjusted" in text for _, text in bench.notices)

    run(loop_run, bench, check, positions=held)


@pytest.mark.logs_warnings
def test_a_position_that_the_broker_does_not_have_is_taken_out_at_its_last_price(loop_run: Run) -> None:
    bench = restarted([], is_live=False, fills=[a_fill(1, 10, 100.0)])

    def check(report: Report) -> None:
        (fill,) = report.adjusted
        assert (fill.signed_quantity, fill.price, fill.owner, fill.charges_units) == (-10, 100.0, EXTERNAL, 0)
        assert bench.session.positions.quantity(RELIANCE.key, Product.MIS) == 0
        assert bench.session.risk.state is TradingState.ACTIVE

    run(loop_run, bench, check)


def test_a_broker_that_cannot_be_read_is_unknown_not_empty(loop_run: Run) -> None:
    async def main() -> None:
        bench = restarted([before(S.OPEN)], fills=[a_fill(1, 10, 100.0)])
        bench.broker.list_fails = ConnectionLost("no answer")
        with pytest.raises(ConnectionLost):
            await bench.session.open()
        assert bench.session.orders.order("PBEFORE0000000000001").status is S.OPEN
        assert bench.session.positions.quantity(RELIANCE.key, Product.MIS) == 10
        assert bench.session.risk.state is TradingState.HALTED
        assert bench.submit().status is S.DENIED
        bench.broker.list_fails, bench.broker.held, bench.broker.listed = None, [HELD], [listed(S.OPEN)]
        await bench.session.open()
        assert bench.session.positions.quantity(RELIANCE.key, Product.MIS) == 10, "what was remembered is not remembered twice"
        assert bench.session.risk.state is TradingState.ACTIVE
        await bench.close()

    loop_run(main())


def test_what_the_broker_says_during_the_comparison_waits_and_is_not_lost(loop_run: Run) -> None:
    async def main() -> None:
        bench = restarted([before(S.OPEN)])
        bench.broker.held = [HELD]

        async def orders() -> list[OrderUpdate]:
            bench.session.on_order_update(listed(S.FILLED, filled=10, fills=(trade("9", 10, 100.0),)))
            assert bench.session.orders.trades == []
            return [listed(S.FILLED, filled=10, fills=(trade("9", 10, 100.0),))]

        bench.broker.orders = orders  # type: ignore[method-assign]
        report = await bench.session.open()
        assert len(report.fills) == len(bench.session.orders.trades) == 1
        del bench.broker.orders  # type: ignore[method-assign]
        await bench.close()

    loop_run(main())


async def looked_up(bench: SessionBench, seconds: float) -> None:
    for _ in range(round(seconds / 0.25)):
        bench.broker.clock.advance(0.25)
        await turns(3)


@pytest.mark.logs_warnings
@pytest.mark.parametrize("is_fresh", [True, False])
def test_an_order_is_given_up_only_with_proof_that_the_list_is_fresh(is_fresh: bool, loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench(is_live=True).open()
        other = bench.submit(price=99.0)
        await bench.settle()
        bench.broker.answers = [OutcomeUnknown("timeout")]
        order = bench.submit()
        await bench.session.settle()
        stamp = bench.broker.clock.now_ns() + (3 * SECOND_NS if is_fresh else SECOND_NS)
        bench.broker.listed = [bench.broker.update(other, S.OPEN, time_ns=stamp, is_snapshot=True)]
        await looked_up(bench, LOOKS_S[-2] + 5)
        assert bench.now(order).status is S.UNKNOWN, "not before two minutes"
        await looked_up(bench, LOOKS_S[-1])
        assert bench.now(order).status is (S.NOT_PLACED if is_fresh else S.UNKNOWN)
        assert len(bench.broker.sent) == 2, "an entry is never sent again"
        assert any("ask the broker" in text for _, text in bench.notices) is not is_fresh
        await bench.close()

    loop_run(main())


@pytest.mark.logs_warnings
def test_lists_that_cannot_be_read_prove_nothing(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench(is_live=True).open()
        bench.broker.answers = [OutcomeUnknown("timeout")]
        bench.broker.list_fails = ConnectionLost("down")
        order = bench.submit()
        await bench.session.settle()
        await looked_up(bench, 130)
        assert bench.now(order).status is S.UNKNOWN
        await bench.close()

    loop_run(main())


@pytest.mark.logs_warnings
def test_a_cancel_of_unknown_fate_is_looked_up_too(loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench(is_live=True).open()
        order = bench.submit(price=99.0)
        await bench.settle()
        bench.broker.answers = [OutcomeUnknown("timeout")]
        bench.session.cancel(order.id)
        await bench.session.settle()
        assert bench.now(order).pending is Pending.CANCEL_UNKNOWN
        bench.broker.listed = [bench.broker.update(order, S.CANCELLED, is_snapshot=True, time_ns=bench.broker.clock.now_ns() + SECOND_NS)]
        await looked_up(bench, 2)
        assert bench.now(order).status is S.CANCELLED
        await bench.close()

    loop_run(main())


def test_a_report_with_nothing_in_it_says_so() -> None:
    assert str(Report()) == "nothing to do"
    assert Report().is_clean
    assert Report(orders=3).is_clean


@pytest.mark.logs_warnings
@pytest.mark.parametrize(("shares", "adjusted"), [(10, []), (25, []), (4, [-6]), (0, [-10])])
def test_shares_that_were_delivered_are_held_still(loop_run: Run, shares: int, adjusted: list[int]) -> None:
    bench = restarted([], fills=[a_fill(1, 10, 100.0, product=Product.CNC)])
    bench.broker.shares = [Holding(RELIANCE, shares, shares)] if shares else []

    def check(report: Report) -> None:
        assert [fill.signed_quantity for fill in report.adjusted] == adjusted
        assert bench.session.position(RELIANCE, Product.CNC).quantity == 10 + sum(adjusted)

    run(loop_run, bench, check)


def test_shares_of_long_ago_are_no_position(loop_run: Run) -> None:
    bench = restarted([])
    bench.broker.shares = [Holding(RELIANCE, 50, 50)]

    def check(report: Report) -> None:
        assert report.adjusted == ()

    run(loop_run, bench, check)


class Rich(FakeBroker):
    """A broker with money and triggers, either of which may fail."""

    def __init__(self, *, is_live: bool = True) -> None:
        super().__init__(is_live=is_live)
        self.fails = ""
        self.gtts = self  # type: ignore[assignment]

    async def funds(self) -> Funds:
        if self.fails == "margins":
            raise BrokerError("maintenance")
        return Funds(70, used_units=30)

    async def all(self) -> list[Gtt]:
        if self.fails == "triggers":
            raise BrokerError("maintenance")
        return [Gtt(RELIANCE, (), 100.0, 1, "active"), Gtt(RELIANCE, (), 100.0, 2, "deleted")]


@pytest.mark.parametrize("fails", ["margins", "triggers"])
def test_what_cannot_be_read_leaves_the_books_uncompared(fails: str, loop_run: Run) -> None:
    async def main() -> None:
        bench = SessionBench(broker=Rich())
        assert isinstance(bench.broker, Rich)
        bench.broker.fails = fails
        with pytest.raises(BrokerError, match="maintenance"):
            await bench.session.open()
        assert bench.submit().status is S.DENIED
        assert bench.store.kinds().count("RECONCILED") == 0
        bench.broker.fails = ""
        report = await bench.session.open()
        assert (report.triggers, report.as_dict()["triggers"]) == (1, 1)
        assert bench.session.desk.funds == Funds(70, used_units=30)
        await bench.close()

    loop_run(main())


@pytest.mark.logs_warnings
@pytest.mark.parametrize(("realised", "is_told"), [(500.0, False), (500.01, False), (499.0, True), (0.0, True)])
def test_the_day_s_profit_is_held_against_the_broker_s_at_the_end(realised: float, is_told: bool, loop_run: Run) -> None:
    async def main() -> None:
        bench = await SessionBench(is_live=True).open()
        await bench.entered(1, 10, 100.0)
        await bench.entered(-1, 10, 150.0, purpose=Purpose.EXIT)
        bench.broker.listed = [bench.broker.update(one, S.FILLED, filled=10) for one in bench.session.orders.orders]
        bench.broker.held = [Position(RELIANCE, Product.MIS, realised_units=round(realised * 10_000))]
        report = await bench.session.life.books.compare("close", is_patient=False)
        assert [(one.ours_units, one.theirs_units) for one in report.profits] == (
            [(5_000_000, round(realised * 10_000))] if is_told else []
        )
        assert report.is_clean is not is_told
        said = [text for level, text in bench.notices if level == "critical" and "Rs 500.00 realised here" in text]
        assert bool(said) is is_told
        assert report.as_dict()["profits"] == ([["NSE:RELIANCE", "MIS", 5_000_000, round(realised * 10_000)]] if is_told else [])
        assert not (await bench.session.life.books.compare("asked", is_patient=False)).profits, "the day is not over"
        await bench.close()

    loop_run(main())


def test_what_was_carried_in_and_what_only_changed_hands_is_no_profit_of_the_day() -> None:
    day_ns = 24 * 3_600 * SECOND_NS
    bought = a_fill(1, 10, 100.0)
    sold = a_fill(-1, 4, 120.0, time_ns=OPEN_NS + day_ns)
    held = Position(RELIANCE, Product.MIS, quantity=6, cost_units=6_000_000)
    today, broker = day_of(OPEN_NS + day_ns), Position(RELIANCE, Product.MIS, quantity=6, realised_units=1)
    assert profit_differences([broker], [held], [bought, sold], today) == ()
    given = a_fill(-1, 6, 120.0, time_ns=OPEN_NS + day_ns, purpose=Purpose.ASSIGN)
    opened = replace(bought, time_ns=OPEN_NS + day_ns)
    (found,) = profit_differences([broker], [held], [opened, sold, given], today)
    assert found.ours_units == 800_000
    assert profit_differences([], [held], [opened, sold], today) == ()

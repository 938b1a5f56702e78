"""Books that contradict each other stop new risk and are told of; whatever a session rightly does is no contradiction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.core.model import Fill, OrderStatus, Product, Purpose, TradingState
from engine.owners import Owners
from engine.reconcile.audit import AT_ONCE, CONTRADICTION, EVERY_S, Recount
from tests.engine.fakes import RELIANCE, TCS, a_fill, request
from tests.engine.sessions import SessionBench, turns
from tests.engine.test_guard import session_test

S = OrderStatus
Break = Callable[[SessionBench], object]
pytestmark = pytest.mark.logs_warnings


def state(bench: SessionBench) -> TradingState:
    return bench.session.risk.state


async def looks(bench: SessionBench) -> list[str]:
    """Let the next look at the books come; returns what was told since the start, by the first words of its alarm."""
    bench.broker.clock.advance(EVERY_S)
    await turns(8)
    return [text for level, text in bench.notices if level == "critical" and text.startswith("The terminal's own books")]


def lose_a_share(bench: SessionBench) -> None:
    held = bench.session.positions._open[RELIANCE.key, Product.MIS, "hand"]
    held.position = replace(held.position, quantity=held.position.quantity - 1)


def move_a_position(bench: SessionBench) -> None:
    bench.session.positions.on_fill(a_fill(1, 3, 100.0, instrument=TCS))


def gain_a_rupee(bench: SessionBench) -> None:
    bench.session.positions._sums[""].realised_units += 10_000


def pay_twice(bench: SessionBench) -> None:
    bench.session.positions._sums[""].charges_units += 1


def forget_the_risk(bench: SessionBench) -> None:
    bench.session.risk.reservations.release(bench.working()[0].reservation)


def count_less(bench: SessionBench) -> None:
    next(iter(bench.session.risk.reservations)).quantity -= 1


def count_below_nothing(bench: SessionBench) -> None:
    next(iter(bench.session.risk.reservations)).quantity = -4


def keep_the_risk(bench: SessionBench) -> None:
    bench.session.risk.reservations.add(request(1, 5), 0)


def lose_a_fill(bench: SessionBench) -> None:
    order = bench.working()[0]
    bench.session.orders._log.keep(replace(order, filled=order.filled - 1))


def share_a_number(bench: SessionBench) -> None:
    first, second = bench.working()
    bench.session.orders._log.keep(replace(second, broker_order_id=first.broker_order_id))


CONTRADICTIONS: dict[str, tuple[Break, str]] = {
    "a position lost": (lose_a_share, "hand holds 9 of NSE:RELIANCE MIS and its executions come to 10"),
    "a position without an execution": (move_a_position, "the account holds 3 of NSE:TCS MIS and its executions come to 0"),
    "a profit of nothing": (gain_a_rupee, "the account's profit is 1.0000 and its executions come to 0.0000"),
    "a charge twice": (pay_twice, "the account's charges are 0.0001 and its executions come to 0.0000"),
    "an order that counts no more": (forget_the_risk, "has 6 left and counts against the limits as 0"),
    "an order that counts less": (count_less, "has 6 left and counts against the limits as 5"),
    "an order that counts below nothing": (count_below_nothing, "has 6 left and counts against the limits as -4"),
    "risk without an order": (keep_the_risk, "counts against the limits and belongs to no working order"),
    "an execution that its order does not count": (lose_a_fill, "counts 3 as filled and its executions come to 4"),
    "one number for two orders": (share_a_number, "2 working orders bear the broker's number"),
}


async def trades(bench: SessionBench) -> None:
    """Hold ten, with an order half filled and one at rest."""
    await bench.entered(quantity=6)
    partly = bench.submit(quantity=10, price=99.0)
    bench.submit(quantity=2, price=98.0)
    await bench.settle()
    bench.fill(partly, 99.0, 4)


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_books_that_contradict_each_other_stop_new_risk(name: str, loop_run: Callable[[object], object]) -> None:
    breaks, said = CONTRADICTIONS[name]

    async def play() -> None:
        bench = await SessionBench(is_live=True).open()
        await trades(bench)
        assert await looks(bench) == []
        assert state(bench) is TradingState.ACTIVE
        breaks(bench)
        (alarm,) = await looks(bench)
        assert said in alarm
        assert state(bench) is TradingState.REDUCING
        assert said in bench.session.risk.reason
        assert bench.store.kinds("").count("CONTRADICTION") == 1
        assert bench.submit(quantity=1, price=97.0).status is S.DENIED
        assert bench.submit(-1, 1, purpose=Purpose.EXIT).status is S.INTENT, "a way out stays open"
        await bench.session.tasks.settle()
        await bench.session.close()

    loop_run(play())


@pytest.mark.parametrize("is_live", [True, False])
def test_a_day_of_trading_is_no_contradiction(is_live: bool, loop_run: Callable[[object], object]) -> None:
    async def play() -> None:
        bench = await SessionBench(is_live=is_live).open()
        await trades(bench)
        first, second = bench.working()
        bench.session.cancel(second.id)
        assert await looks(bench) == []
        await bench.settle()
        bench.fill(first, 99.0)
        bench.session.flatten()
        assert await looks(bench) == []
        await bench.settle()
        for order in bench.working():
            bench.fill(order, 101.0)
        assert await looks(bench) == []
        assert state(bench) is TradingState.ACTIVE
        await bench.session.close()

    loop_run(play())


@session_test(is_live=True)
async def test_a_contradiction_is_told_once_and_a_person_may_trade_on(bench: SessionBench) -> None:
    await trades(bench)
    await looks(bench)
    lose_a_share(bench)
    assert len(await looks(bench)) == len(await looks(bench)) == 1
    bench.session.risk.resume("looked at it in the broker's app")
    assert len(await looks(bench)) == 1
    assert state(bench) is TradingState.ACTIVE
    lose_a_share(bench)
    assert len(await looks(bench)) == 2, "this is another one"
    assert state(bench) is TradingState.REDUCING
    assert CONTRADICTION in [restraint.control for restraint in bench.session.risk.memory.stops.listing()]


def test_executions_are_taken_in_once_and_anew_when_one_was_taken_back() -> None:
    fills: list[Fill] = [a_fill(1, 1, 100.0, trade_id=str(number), order_id="o") for number in range(AT_ONCE + 1)]
    recount = Recount()
    assert not recount.take(fills)
    assert recount.take(fills)
    assert recount.take(fills)
    assert recount.traded("o") == AT_ONCE + 1
    fills[100:102] = []
    fills.append(a_fill(1, 5, 100.0, trade_id="true", order_id="o"))
    recount.take(fills)
    assert recount.take(fills)
    assert recount.traded("o") == AT_ONCE + 4


def test_a_lot_that_passes_to_another_owner_changes_nothing_for_the_account(loop_run: Callable[[object], object]) -> None:
    async def play() -> None:
        bench = await SessionBench(is_live=True).open()
        assert bench.view is not None
        await bench.entered(quantity=6)
        Owners(bench.session, bench.view).assign(RELIANCE.key, Product.MIS, "hand", "external", 4)
        assert bench.session.positions.quantity(RELIANCE.key, Product.MIS, "external") == 4
        assert await looks(bench) == []
        await bench.session.close()

    loop_run(play())

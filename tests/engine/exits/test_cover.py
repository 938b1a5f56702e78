"""A protected position has live stops over exactly its quantity within seconds of each change and of a restart, or the trader is told."""

from __future__ import annotations

from engine.core.model import OrderStatus, Pending, Product
from engine.exits.cover import cover_of
from tests.engine.fakes import RELIANCE, FakeStore
from tests.engine.kill.kill_bench import KillBench, kill_test

S = OrderStatus


def told(bench: KillBench) -> list[str]:
    return [text for _, text in bench.notices if "its stop covers" in text]


@kill_test()
async def test_a_position_with_a_live_stop_over_all_of_it_is_covered(bench: KillBench) -> None:
    await bench.entered(stop=98.0)
    await bench.passes(10)
    assert told(bench) == []


@kill_test()
async def test_a_stop_that_is_not_at_the_broker_within_five_seconds_is_told_once(bench: KillBench) -> None:
    bench.broker.before_answer = lambda order: None
    order = bench.submit(stop=98.0)
    await bench.settle()
    bench.store.holds = True  # the line of the stop is never on the disk: it cannot leave
    bench.fill(order, 100.0)
    await bench.passes(4.5)
    assert told(bench) == []
    await bench.passes(6)
    assert told(bench) == [
        "+10 RELIANCE of hand: its stop covers 0 of 10. Protect it again (Positions, by a right click), or close it.",
    ]
    assert bench.session.exits.cover.uncovered == {(RELIANCE.key, Product.MIS, "hand")}
    bench.store.release()
    await bench.settle()
    await bench.passes(2)
    assert bench.session.exits.cover.uncovered == set()
    await bench.passes(10)
    assert len(told(bench)) == 1


@kill_test()
async def test_a_stop_over_less_or_more_than_is_held_does_not_cover(bench: KillBench) -> None:
    entry = await bench.entered(quantity=10, stop=98.0)
    assert entry.filled == 10
    (stop,) = bench.working()
    bench.says(stop, S.TRIGGER, quantity=6)
    bench.session.guard._busy.add((RELIANCE.key, Product.MIS, "hand"))  # nobody mends it
    bench.says(stop, S.TRIGGER, quantity=6)
    await bench.passes(8)
    assert [text.partition(". ")[0] for text in told(bench)] == ["+10 RELIANCE of hand: its stop covers 6 of 10"]
    bench.session.guard._busy.clear()


@kill_test()
async def test_what_waits_for_its_market_to_open_is_not_told(bench: KillBench) -> None:
    await bench.entered(stop=98.0)
    bench.session.exits.cover._is_open = lambda instrument: False
    (stop,) = bench.working()
    bench.says(stop, S.EXPIRED)
    await bench.passes(10)
    assert told(bench) == []
    bench.session.exits.cover._is_open = lambda instrument: True
    await bench.passes(7)
    assert len(told(bench)) == 1
    assert bench.session.guard.protect_again(bench.session.positions.open_books()[0])
    await bench.settle()
    await bench.passes(2)
    assert bench.resting() == [("stop", -1, 98.0, 10)]
    assert bench.session.exits.cover.uncovered == set()


@kill_test()
async def test_what_is_closed_or_never_protected_is_nothing_to_tell(bench: KillBench) -> None:
    await bench.entered()
    await bench.passes(10)
    assert told(bench) == []
    assert not bench.session.guard.protect_again(bench.session.positions.open_books()[0])


@kill_test()
async def test_it_is_audited_after_a_restart_too(bench: KillBench) -> None:
    entry = await bench.entered(stop=98.0)
    store = FakeStore()
    store.remembered = {"orders": [entry], "fills": bench.session.orders.trades}
    again = KillBench(store=store)
    again.broker.listed = [bench.broker.update(entry, S.FILLED, filled=10, is_snapshot=True)]
    again.broker.truth = lambda: bench.session.positions.positions
    again.store.holds = True  # what is placed anew does not leave
    await again.open()
    again.broker.truth = lambda: again.session.positions.positions
    await again.passes(7)
    assert len(told(again)) == 1
    again.store.release()
    await again.settle()
    await again.close()


@kill_test()
async def test_only_stops_that_live_on_the_right_side_count(bench: KillBench) -> None:
    await bench.entered(stop=98.0, target=110.0)
    working = bench.working()
    assert cover_of(working, 10) == 10
    assert cover_of(working, -10) == 0
    (stop,) = [order for order in working if order.trigger_price]
    bench.says(stop, None, pending=Pending.CANCEL)
    assert cover_of(bench.working(), 10) == 0

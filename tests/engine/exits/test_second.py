"""An exit of unknown fate is sent once more: so much that both stay within what is held, the rest once proven lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.errors import BrokerError, OutcomeUnknown
from engine.core.model import EXTERNAL, HAND, Order, OrderStatus, Product, Purpose
from engine.exits.second import room
from engine.store.rows import JournalEntry
from tests.engine.fakes import RELIANCE, request
from tests.engine.kill.kill_bench import KillBench, kill_test

S = OrderStatus
LOST = OutcomeUnknown("the line broke")


async def exit_lost(bench: KillBench, quantity: int = 10) -> Order:
    """Hold 10, and send an exit of which nobody knows what became."""
    await bench.entered()
    bench.broker.answers = [LOST]
    first = bench.submit(-1, quantity, purpose=Purpose.EXIT)
    await bench.passes(0.5)
    assert bench.now(first).status is S.UNKNOWN
    return first


def second_tries(bench: KillBench) -> list[tuple[str, int]]:
    """List what was sent again: for which order, and how much."""
    return [(o.request.group, o.quantity) for o in bench.session.orders.orders if o.request.group and o.request.purpose is Purpose.EXIT]


@kill_test(is_live=True)
async def test_a_part_is_sent_again_after_fifteen_seconds_and_names_the_first(bench: KillBench) -> None:
    first = await exit_lost(bench, 4)
    await bench.passes(14)
    assert second_tries(bench) == []
    await bench.passes(2)
    assert second_tries(bench) == [(first.id, 4)]
    second = bench.last()
    assert second.id != first.id
    lines = [row.payload for row in bench.store.of(JournalEntry) if row.kind == "SECOND_TRY"]
    assert lines == [{"order": second.id, "first": first.id, "quantity": 4, "net": 10, "room": 6}]
    assert any(level == "critical" and first.id in text and second.id in text for level, text in bench.notices)
    await bench.passes(60)
    assert len(second_tries(bench)) == 1, "once"


@kill_test(is_live=True)
async def test_never_more_than_leaves_both_within_what_is_held(bench: KillBench) -> None:
    first = await exit_lost(bench, 7)
    await bench.passes(16)
    assert second_tries(bench) == [(first.id, 3)]


@kill_test(is_live=True)
async def test_an_exit_of_all_that_is_held_waits_until_it_is_proven_lost(bench: KillBench) -> None:
    first = await exit_lost(bench)
    await bench.passes(50)
    assert second_tries(bench) == []
    told = [text for level, text in bench.notices if level == "critical" and "is not sent again before it is proven lost" in text]
    assert len(told) == 1
    bench.session.orders.conclude(first.id, S.NOT_PLACED, "the list does not have it")
    await bench.passes(16)
    assert second_tries(bench) == [(first.id, 10)]


@kill_test(is_live=True)
async def test_nothing_is_sent_while_the_broker_holds_something_else(bench: KillBench) -> None:
    await exit_lost(bench, 4)
    mine = bench.session.position(RELIANCE)
    bench.broker.truth = lambda: [replace(mine, quantity=6)]
    await bench.passes(50)
    assert second_tries(bench) == []
    bench.broker.truth = lambda: [mine]
    await bench.passes(16)
    assert len(second_tries(bench)) == 1


@kill_test(is_live=True)
async def test_what_cannot_be_read_is_not_flat_and_nothing_is_sent(bench: KillBench) -> None:
    await exit_lost(bench, 4)
    bench.broker.list_fails = BrokerError("maintenance")
    await bench.passes(20)
    bench.broker.list_fails, bench.broker.positions_fail = None, BrokerError("maintenance")
    await bench.passes(20)
    assert second_tries(bench) == []
    bench.broker.positions_fail = None
    await bench.passes(16)
    assert len(second_tries(bench)) == 1


@kill_test(is_live=True)
async def test_one_that_the_list_has_after_all_is_not_sent_again(bench: KillBench) -> None:
    first = await exit_lost(bench, 4)
    bench.broker.listed = [bench.broker.update(bench.now(first), S.OPEN)]
    await bench.passes(50)
    assert bench.now(first).status is S.OPEN
    assert second_tries(bench) == []
    assert not bench.session.exits.is_busy(bench.session.positions.open_books()[0])


@kill_test(is_live=True)
async def test_an_entry_is_never_sent_again(bench: KillBench) -> None:
    bench.broker.answers = [LOST]
    first = bench.submit()
    await bench.passes(30)
    assert bench.now(first).status is S.UNKNOWN
    bench.session.orders.conclude(first.id, S.NOT_PLACED, "the list does not have it")
    await bench.passes(30)
    assert len(bench.broker.sent) == 1


@kill_test(is_live=True)
async def test_nothing_leaves_once_the_kill_switch_was_pressed(bench: KillBench) -> None:
    await exit_lost(bench, 4)
    bench.session.kill("enough")
    await bench.passes(50)
    assert second_tries(bench) == []


@kill_test(is_live=True)
async def test_what_was_closed_meanwhile_is_not_closed_again(bench: KillBench) -> None:
    first = await exit_lost(bench, 4)
    by_hand = bench.submit(-1, 6, purpose=Purpose.EXIT)
    await bench.passes(1)
    bench.fill(by_hand, 100.0)
    bench.session.orders.conclude(first.id, S.NOT_PLACED, "the list does not have it")
    await bench.entered(-1, 4, purpose=Purpose.EXIT)
    await bench.passes(30)
    assert second_tries(bench) == []


@kill_test(is_live=True)
async def test_another_is_not_sent_after_a_restart(bench: KillBench) -> None:
    first = await exit_lost(bench, 4)
    await bench.passes(16)
    assert len(second_tries(bench)) == 1
    bench.session.exits.second.on_order(bench.now(first))
    await bench.passes(30)
    assert len(second_tries(bench)) == 1


@kill_test(is_live=True)
async def test_after_a_restart_what_was_not_sent_again_is_seen_to(bench: KillBench) -> None:
    first = await exit_lost(bench, 4)
    bench.session.exits.second._busy.clear()
    bench.session.exits.begin()
    assert first.id in bench.session.exits.second._busy


def working(purpose: Purpose, quantity: int, *, owner: str = HAND, side: int = -1, product: Product = Product.MIS) -> Order:
    asked = request(side, quantity, purpose=purpose, owner=owner, product=product)
    return Order("o", asked, S.OPEN, quantity=quantity)


@pytest.mark.parametrize(
    ("others", "unknown", "lost"),
    [
        ([], 6, 10),
        ([working(Purpose.EXIT, 5)], 1, 5),
        ([working(Purpose.STOP, 10)], 0, 10),
        ([working(Purpose.STOP, 3, owner="bot")], 3, 7),
        ([working(Purpose.ENTRY, 2, owner=EXTERNAL)], 4, 8),
        ([working(Purpose.ENTRY, 5, side=1), working(Purpose.EXIT, 5, product=Product.CNC)], 6, 10),
    ],
)
def test_room(others: list[Order], unknown: int, lost: int) -> None:
    first = replace(working(Purpose.EXIT, 4), status=S.UNKNOWN)
    assert room(10, first, [first, *others]) == unknown
    assert room(10, replace(first, status=S.NOT_PLACED), others) == lost

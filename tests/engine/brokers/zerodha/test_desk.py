"""What is asked of the broker for one order of ours, and what becomes of several answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.brokers.zerodha.desk import OrderDesk
from engine.brokers.zerodha.limiter import Limiter
from engine.brokers.zerodha.order_watch import OrderWatch
from engine.core.errors import NotPermitted, OrderRejected, OutcomeUnknown, RateLimited
from engine.core.model import OrderChange, OrderType, Product, Purpose
from tests.engine.brokers.zerodha.clocks import JumpingClock
from tests.engine.brokers.zerodha.rows import INFY, NIFTY_CE, an_order, order_row


class Rest:
    """Takes down what is asked, and answers as the test says."""

    def __init__(self, clock: JumpingClock) -> None:
        self.limiter = Limiter(clock)
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: list[Any] = []

    async def write(self, method: str, *args: Any, **options: Any) -> Any:
        self.asked.append((method, args, options))
        answer = self.answers.pop(0) if self.answers else "77"
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def rest() -> Rest:
    return Rest(JumpingClock(10**12))


@pytest.fixture
def desk(rest: Rest) -> OrderDesk:
    watch = OrderWatch(rest, JumpingClock(10**12), lambda row: INFY, lambda update: None)  # type: ignore[arg-type]
    return OrderDesk(rest, watch)  # type: ignore[arg-type]


def knows(desk: OrderDesk, *rows: dict[str, Any]) -> None:
    desk._watch.rows = {row["order_id"]: row for row in rows}


def test_entries_and_exits_go_their_own_ways(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    loop_run(desk.place(an_order()))
    loop_run(desk.place(an_order(purpose=Purpose.EXIT)))
    assert [options["is_urgent"] for _, _, options in rest.asked] == [False, True]
    assert all(options["is_new_order"] for _, _, options in rest.asked)
    assert desk._watch.is_due


def test_who_is_not_permitted_does_not_ask_again_but_for_exits(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    rest.answers = [NotPermitted("register the address")]
    with pytest.raises(NotPermitted):
        loop_run(desk.place(an_order()))
    with pytest.raises(OrderRejected, match="register the address"):
        loop_run(desk.place(an_order()))
    assert loop_run(desk.place(an_order(purpose=Purpose.EXIT))) == "77"
    assert len(rest.asked) == 2


def test_slices_that_were_refused_are_not_waited_for(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    order = an_order(instrument=NIFTY_CE, quantity=1_755 * 2 + 65, price=100.05, product=Product.NRML, is_sliced=True)
    rest.answers = [{"children": [{"order_id": "1"}, {"error": {"message": "No margin"}}, {"order_id": "3"}]}]
    assert loop_run(desk.place(order)) == "1"
    assert desk._watch.totals[order.id] == 1_755 + 65
    assert rest.asked[0][0] == "place_autoslice_order"


def test_what_needs_no_slicing_is_placed_as_it_is(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    loop_run(desk.place(an_order(is_sliced=True)))
    assert rest.asked[0][0] == "place_order"


def test_the_broker_knows_an_order_by_its_own_type_and_variety(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    knows(desk, order_row("5", order_type="LIMIT", variety="amo"))
    loop_run(desk.modify(an_order(OrderType.MARKET), OrderChange(price=1510.0)))
    ((method, args, options),) = rest.asked
    assert (method, args) == ("modify_order", ("amo", "5"))
    assert options.pop("last_look")() == ""
    assert options == {"order_type": "LIMIT", "price": 1510.0, "is_urgent": False}


def test_the_last_look_goes_with_every_order_and_change_and_with_no_cancel(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    desk.last_look = lambda order: f"not {order.id}"
    knows(desk, order_row("5"))
    loop_run(desk.place(an_order()))
    loop_run(desk.modify(an_order(), OrderChange(price=1510.0)))
    loop_run(desk.cancel(an_order()))
    looks = [options["last_look"]() if "last_look" in options else None for _, _, options in rest.asked]
    assert looks == [f"not {an_order().id}", f"not {an_order().id}", None]


def test_all_live_slices_are_cancelled_and_the_first_failure_is_told(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    knows(desk, order_row("1", "COMPLETE"), order_row("2"), order_row("3"), order_row("4"))
    rest.answers = ["2", OutcomeUnknown("lost"), OrderRejected("gone")]
    with pytest.raises(OutcomeUnknown):
        loop_run(desk.cancel(an_order()))
    assert [args for _, args, _ in rest.asked] == [("regular", "2"), ("regular", "3"), ("regular", "4")]
    assert all(options == {"is_urgent": True} for _, _, options in rest.asked)


def test_all_live_slices_are_changed_and_the_first_failure_is_told(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    knows(desk, order_row("2"), order_row("3"))
    rest.answers = [OrderRejected("no"), "3"]
    with pytest.raises(OrderRejected, match="no"):
        loop_run(desk.modify(an_order(), OrderChange(price=1510.0)))
    assert len(rest.asked) == 2


def test_an_order_that_is_still_on_its_way_can_be_asked_again(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    rest.answers = [OrderRejected("Order cannot be cancelled as it is being processed. Try later.")]
    with pytest.raises(RateLimited, match="still at work"):
        loop_run(desk.cancel(replace(an_order(), broker_order_id="9")))


def test_an_order_without_a_number_is_not_touched(loop_run: Any, desk: OrderDesk, rest: Rest) -> None:
    for asked in (desk.cancel(an_order()), desk.modify(an_order(), OrderChange(price=1510.0))):
        with pytest.raises(OrderRejected, match="has a number for"):
            loop_run(asked)
    assert rest.asked == []

"""An order that certainly never left: an exit is tried once more, an entry is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import BrokerError, ConnectionLost, OrderRejected, OutcomeUnknown
from engine.core.model import OrderStatus, Purpose
from engine.order_path import EXIT_AGAIN_S
from tests.engine.sessions import SessionBench, turns

S = OrderStatus


@pytest.mark.logs_warnings
@pytest.mark.parametrize(
    ("purpose", "answers", "tries", "status"),
    [
        (Purpose.EXIT, [ConnectionLost("gone")], 2, S.ACKED),
        (Purpose.SQUARE_OFF, [ConnectionLost("gone")] * 3, 2, S.NOT_PLACED),
        (Purpose.EXIT, [OutcomeUnknown("lost")], 1, S.UNKNOWN),
        (Purpose.EXIT, [ConnectionLost("gone"), OutcomeUnknown("lost")], 2, S.UNKNOWN),
        (Purpose.ENTRY, [ConnectionLost("gone")], 1, S.NOT_PLACED),
    ],
)
def test_only_an_exit_that_never_left_is_sent_again(
    loop_run: Any, purpose: Purpose, answers: list[BrokerError], tries: int, status: OrderStatus
) -> None:
    async def scenario() -> None:
        bench = await SessionBench().open()
        if purpose is not Purpose.ENTRY:
            await bench.entered()
        bench.broker.answers, bench.broker.sent = list(answers), []
        order = bench.submit(-1 if purpose is not Purpose.ENTRY else 1, 10, purpose=purpose)
        await turns()
        bench.broker.clock.advance(EXIT_AGAIN_S)
        await turns(10)
        assert bench.now(order).status is status
        assert [sent.id for sent in bench.broker.sent] == [order.id] * tries
        bench.broker.answers = []
        await bench.close()

    loop_run(scenario())


@pytest.mark.logs_warnings
def test_an_exit_that_is_sent_again_takes_its_turn_again(loop_run: Any) -> None:
    async def scenario() -> None:
        bench = await SessionBench().open()
        await bench.entered()
        taken: list[int] = []

        async def turn() -> None:
            taken.append(len(bench.broker.sent))

        bench.session.orders._path.turn = turn
        bench.broker.answers, bench.broker.sent = [ConnectionLost("gone")], []
        bench.submit(-1, 10, purpose=Purpose.EXIT)
        await turns()
        bench.broker.clock.advance(EXIT_AGAIN_S)
        await turns(10)
        assert taken == [0, 1], "before the first and before the second message"
        await bench.close()

    loop_run(scenario())


@pytest.mark.logs_warnings
def test_after_a_refused_cancel_the_list_is_read_at_once(loop_run: Any) -> None:
    async def scenario() -> None:
        bench = await SessionBench().open()
        order = bench.submit(1, 10, price=95.0)
        await turns()
        bench.says(order, S.OPEN)
        bench.broker.answers = [OrderRejected("it is over")]
        bench.broker.listed = [bench.broker.update(bench.now(order), S.CANCELLED)]
        bench.session.cancel(order.id)
        await turns(10)
        assert bench.now(order).status is S.CANCELLED, "nobody has to ask for the cancel again and again"
        await bench.close()

    loop_run(scenario())

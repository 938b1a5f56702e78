"""What goes wrong between an order and the exchange, and what a session makes of it: never two orders of one, never a lost fill."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import LinkState, OrderStatus, Purpose, TradingState
from tests.engine.brokers.zerodha.live import pasted
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
pytestmark = pytest.mark.logs_warnings


def fault(floor: Floor, how: str, **more: Any) -> None:
    """Let something befall the next order that is placed."""
    floor.exchange.control("fault", how=how, **({"path": "/orders/*", "method": "POST"} | more))


def test_n1_what_cannot_be_reached_was_not_sent(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        entered = floor.submit()
        await floor.sees(entered, S.FILLED)
        await floor.agrees()
        exchange.control("go_down")
        order = await floor.sees(floor.submit(), S.NOT_PLACED)
        assert order.message.startswith("Not sent")
        assert not floor.session.risk.reservations
        exit_ = floor.exit()
        exchange.control("come_up")
        assert (await floor.sees(exit_, S.FILLED, S.NOT_PLACED)).status in (S.FILLED, S.NOT_PLACED)
        assert len(floor.posts()) <= 2

    run(loop_run, exchange, scenario)


def test_n1_an_exit_that_never_left_is_tried_once_more(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        await floor.agrees()
        original, calls = floor.broker.rest._root, []

        class Once:
            """Sends the first try to a port where nobody listens."""

            def __init__(self, real: Any) -> None:
                self.real = real

            def __getattr__(self, name: str) -> Any:
                if name == "place_order":
                    calls.append(name)
                    self.real.root = "http://127.0.0.1:1" if len(calls) == 1 else original
                return getattr(self.real, name)

        floor.broker.rest._kite = Once(floor.broker.rest._kite)
        await floor.sees(floor.exit(), S.FILLED)
        assert len(calls) == 2
        assert len(floor.posts()) == 2

    run(loop_run, exchange, scenario)


def test_n2_lost_before_it_was_taken_it_is_never_sent_again_and_found_not_to_be_there(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        fault(floor, "drop", when="before")
        order = floor.submit()
        await floor.sees(order, S.UNKNOWN)
        assert len(floor.session.risk.reservations) == 1
        # Something that is newer than the order proves that the list is fresh.
        exchange.control("advance", seconds=4)
        form = {"exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "SELL", "quantity": 1, "product": "MIS"}
        exchange.control("place_elsewhere", **form, order_type="LIMIT", price=960.0)
        await floor.sees(order, S.NOT_PLACED)
        assert len(floor.posts()) == 1
        assert order.id not in {row["tag"] for row in exchange.control("orders")}

    run(loop_run, exchange, scenario)


AFTER = {
    "n3 no answer": {"how": "silence", "when": "after"},
    "n5 closed": {"how": "drop", "when": "after"},
    "n5 reset": {"how": "drop", "when": "after", "with_reset": True},
    "n5 cut in the head": {"how": "cut", "at": 20},
    "n5 cut in the body": {"how": "cut", "at": 150},
    "n7 500": {"how": "error", "when": "after", "status": 500, "error_type": "GeneralException"},
    "n7 502": {"how": "error", "when": "after", "status": 502, "error_type": "DataException"},
    "n7 503": {"how": "error", "when": "after", "status": 503, "error_type": "NetworkException"},
    "n7 504": {"how": "html", "when": "after", "status": 504},
    "n7 page": {"how": "html", "when": "after", "status": 200},
    "n7 garbage": {"how": "body", "when": "after", "status": 200, "text": "garbage"},
    "n7 no number": {"how": "body", "when": "after", "status": 200, "text": '{"status": "success", "data": {}}'},
    "n7 null": {"how": "body", "when": "after", "status": 200, "text": '{"status": "success", "data": null}'},
    "n7 no type": {"how": "body", "when": "after", "status": 500, "text": "x", "content_type": None},
    **{
        f"n8 {status}": {"how": "redirect", "when": "after", "status": status, "location": "/orders/regular"}
        for status in (301, 302, 307, 308)
    },
}


@pytest.mark.parametrize("name", AFTER)
def test_an_order_whose_answer_was_lost_is_found_by_its_tag(loop_run: Any, exchange: RunningExchange, name: str) -> None:
    async def scenario(floor: Floor) -> None:
        fault(floor, **AFTER[name])
        order = floor.submit()
        await floor.sees(order, S.FILLED)
        await floor.agrees()
        assert "UNKNOWN" in floor.store.kinds(order.id)
        assert len(floor.posts()) == 1
        assert sum(fill.quantity for fill in floor.session.orders.trades) == 10

    run(loop_run, exchange, scenario)


def test_n4_an_order_that_appears_late_is_waited_for(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("updates", drop=1.0)
        exchange.control("appear_late", seconds=100)
        fault(floor, "drop", when="after")
        order = floor.submit()
        await floor.sees(order, S.UNKNOWN)
        await floor.until(lambda: len(exchange.control("calls", path="/orders", method="GET")) > 6)
        assert floor.now(order).status is S.UNKNOWN
        exchange.control("advance", seconds=101)
        await floor.sees(order, S.FILLED)
        await floor.agrees()

    run(loop_run, exchange, scenario)


def test_n4_a_ghost_is_adopted_and_told(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("updates", drop=1.0)
        exchange.control("appear_late", seconds=100)
        fault(floor, "drop", when="after")
        order = floor.submit()
        await floor.sees(order, S.UNKNOWN)
        floor.session.orders.conclude(order.id, S.NOT_PLACED, "The broker's list does not have it.")
        exchange.control("advance", seconds=101)
        floor.broker._watch.nudge()
        await floor.sees(order, S.FILLED)
        await floor.agrees()
        assert any("NOT_PLACED and is FILLED" in alarm for alarm in floor.alarms)

    run(loop_run, exchange, scenario)


def test_n6_too_many_requests_are_a_no_and_nothing_hammers(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        resting = floor.submit(price=1400.0)
        await floor.sees(resting, S.OPEN)
        fault(floor, "error", status=429, count=3)
        orders = [floor.submit() for _ in range(3)]
        for order in orders:
            await floor.sees(order, S.REJECTED)
        assert len(floor.posts()) <= 4
        floor.session.cancel(resting.id)
        await floor.sees(resting, S.CANCELLED)

    run(loop_run, exchange, scenario)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"error_type": "InputException", "message": "Invalid `quantity`."}, "Invalid `quantity`"),
        ({"error_type": "MarginException"}, "Not enough funds"),
    ],
)
def test_n9_a_refusal_gives_its_reason_and_frees_what_was_held(
    loop_run: Any, exchange: RunningExchange, more: dict[str, Any], says: str
) -> None:
    async def scenario(floor: Floor) -> None:
        fault(floor, "error", status=400, **more)
        order = await floor.sees(floor.submit(), S.REJECTED)
        assert says in order.message
        assert not floor.session.risk.reservations

    run(loop_run, exchange, scenario)


def test_n9_a_refusal_in_the_order_list_comes_later(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("reject_next", message="RMS: margin exceeds")
        order = await floor.sees(floor.submit(), S.REJECTED)
        assert "RMS: margin exceeds" in order.message
        assert not floor.session.risk.reservations

    run(loop_run, exchange, scenario)


def test_n10_a_dead_session_stops_entries_says_what_to_do_and_is_taken_up_again(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        links: list[tuple[LinkState, str]] = []
        heard = floor.session.on_link
        floor.session.on_link = lambda state, reason: (links.append((state, reason)), heard(state, reason))[1]  # type: ignore[method-assign]
        resting = floor.submit(price=1490.0)
        await floor.sees(resting, S.OPEN)
        exchange.control("expire")
        await floor.until(lambda: links and links[-1][0] is LinkState.RELOGIN)
        assert "shikra login" in links[-1][1]
        assert floor.session.risk.state is TradingState.REDUCING
        assert floor.submit().status is S.DENIED
        calls = len(exchange.control("calls"))
        # It fills while nobody hears.
        exchange.control("set_price", symbol="NSE:INFY", price=1485.0)
        assert len(exchange.control("calls")) <= calls + 2
        floor.broker.access.log_in_with(pasted(exchange))
        await floor.until(lambda: links[-1][0] is LinkState.LIVE)
        await floor.sees(resting, S.FILLED)
        await floor.agrees()
        await floor.until(lambda: floor.session.risk.state is TradingState.ACTIVE)

    run(loop_run, exchange, scenario)


def test_n11_the_wrong_address_is_explained_and_not_tried_again(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("configure", ip_registered=False)
        order = await floor.sees(floor.submit(), S.REJECTED)
        assert "developer console" in order.message
        again = await floor.sees(floor.submit(quantity=11), S.REJECTED)
        assert "developer console" in again.message
        assert len(floor.posts()) == 1
        assert list(await floor.broker.orders()) == []
        exchange.control("configure", ip_registered=True)

    run(loop_run, exchange, scenario)


def test_n12_slow_answers_to_questions_do_not_stand_before_an_exit(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        await floor.agrees()
        exchange.control("fault", how="delay", path="/user/margins", method="GET", seconds=1.5, count=0)
        questions = [floor.session.tasks.spawn(floor.broker.funds(), f"funds {n}", service=True) for n in range(4)]
        exit_ = floor.exit()
        await floor.until(lambda: floor.now(exit_).broker_order_id)
        assert not any(question.done() for question in questions)
        exchange.control("advance", seconds=4)
        for question in questions:
            await question

    run(loop_run, exchange, scenario, timeouts_s=(0.3, 5.0))


@pytest.mark.parametrize("path", ["/orders", "/trades", "/portfolio/positions"])
def test_n13_what_cannot_be_read_is_unknown_and_not_empty(loop_run: Any, exchange: RunningExchange, path: str) -> None:
    async def scenario(floor: Floor) -> None:
        order = floor.submit()
        await floor.sees(order, S.FILLED)
        await floor.agrees()
        exchange.control("fault", how="error", path=path, method="GET", status=503, count=0)
        exchange.control("close_sockets", abruptly=True)
        await floor.until(lambda: any(call["path"] == path for call in exchange.control("calls", path=path)[-1:]))
        await floor.until(lambda: floor.session.risk.state is TradingState.REDUCING)
        assert floor.held() == {"NSE:INFY": 10}
        assert "ADJUST" not in floor.store.kinds()
        assert floor.session.working_in("NSE:INFY", order.request.product, "hand") == []

    run(loop_run, exchange, scenario)


def test_orders_are_not_lost_while_the_feed_is_down(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        resting = floor.submit(price=1490.0)
        await floor.sees(resting, S.OPEN)
        exchange.control("fault", how="drop", kind="stream", count=0)
        exchange.control("close_sockets", abruptly=True)
        exchange.control("set_price", symbol="NSE:INFY", price=1485.0)
        await floor.sees(resting, S.FILLED)
        await floor.agrees()

    run(loop_run, exchange, scenario)


def test_lost_doubled_and_shuffled_messages_change_nothing(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("updates", drop=0.3, duplicate=0.3, hold=0.3)
        orders = [floor.submit(side, 10 + number) for number, side in enumerate((1, -1, 1, -1, 1))]
        exchange.control("release_updates", shuffle=True)
        for order in orders:
            await floor.sees(order, S.FILLED)
        exchange.control("release_updates", shuffle=True)
        await floor.agrees()
        assert sum(fill.signed_quantity for fill in floor.session.orders.trades) == 10 - 11 + 12 - 13 + 14

    run(loop_run, exchange, scenario)


def test_every_order_is_in_the_journal_before_it_leaves(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        floor.store.holds = True
        order = floor.submit()
        await floor.session.clock.sleep(50)
        assert floor.posts() == []
        floor.store.release()
        await floor.sees(order, S.FILLED)
        assert floor.store.kinds(order.id)[:2] == ["INTENT", "SENT"]
        (post,) = floor.posts()
        assert order.id in str(post)
        assert floor.now(order).request.purpose is Purpose.ENTRY

    run(loop_run, exchange, scenario)


def test_what_market_protection_left_of_an_exit_is_seen_through(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        await floor.agrees()
        exchange.control("set_depth", symbol="NSE:INFY", buy=[[1499.9, 4, 1], [1465.0, 100, 1]], sell=[[1500.1, 100, 1]])
        exit_ = floor.exit()
        await floor.until(lambda: floor.now(exit_).filled == 4)
        exchange.control("set_depth", symbol="NSE:INFY", buy=[[1465.0, 100, 1]], sell=[[1500.1, 100, 1]])
        done = await floor.sees(exit_, S.FILLED)
        assert done.modifications >= 1
        assert "MODIFY_REQ" in floor.store.kinds(exit_.id)
        await floor.agrees()
        assert len(floor.posts()) == 2

    run(loop_run, exchange, scenario)

"""An order ends the same whatever way the broker's news came."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidTransition
from engine.core.lifecycle import TRANSITIONS, Advance, advance, new_order_id, transition
from engine.core.model import BrokerFill, Exchange, Instrument, Order, OrderRequest, OrderStatus, OrderUpdate, Pending, Side

INFY = Instrument(Exchange.NSE, "INFY", 408065)
S = OrderStatus


def order(status: OrderStatus = S.SENT, **changes: object) -> Order:
    return replace(Order("P1", OrderRequest(INFY, Side.BUY, 10), status, quantity=10), **changes)


def update(status: OrderStatus | None, filled: int = 0, *fills: BrokerFill, **more: object) -> OrderUpdate:
    return OrderUpdate("B1", "P1", status, filled, fills, **more)  # type: ignore[arg-type]


def fill(trade_id: str, quantity: int, price: float = 1500.0, time_ns: int = 0) -> BrokerFill:
    return BrokerFill(trade_id, quantity, price, time_ns)


def play(start: Order, *updates: OrderUpdate) -> tuple[Order, dict[str, int], list[str]]:
    known: dict[str, int] = {}
    alarms: list[str] = []
    for one in updates:
        step = advance(start, one, known)
        start = step.order
        known |= {new.trade_id: new.quantity for new in step.new_fills}
        alarms += step.alarms
    return start, known, alarms


def test_each_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    for status, following in TRANSITIONS.items():
        assert not (status in {S.FILLED, S.DENIED} and following)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.NEW, S.INTENT),
        (S.NEW, S.DENIED),
        (S.INTENT, S.SENT),
        (S.SENT, S.ACKED),
        (S.SENT, S.UNKNOWN),
        (S.UNKNOWN, S.NOT_PLACED),
        (S.CANCELLED, S.FILLED),
    ],
)
def test_a_legal_step_is_taken(before: OrderStatus, after: OrderStatus) -> None:
    moved = transition(order(before, updated_ns=5), after, 3, message="so")
    assert (moved.status, moved.updated_ns, moved.message) == (after, 5, "so")


@pytest.mark.parametrize(("before", "after"), [(S.NEW, S.SENT), (S.FILLED, S.CANCELLED), (S.ACKED, S.NOT_PLACED), (S.DENIED, S.INTENT)])
def test_an_illegal_step_raises(before: OrderStatus, after: OrderStatus) -> None:
    with pytest.raises(InvalidTransition, match=f"Order P1 is {before}: expected .* to follow, was {after}"):
        transition(order(before), after, 0)


def test_an_ordinary_life() -> None:
    done, known, alarms = play(
        order(),
        update(S.ACKED),
        update(S.OPEN),
        update(S.OPEN, 4, fill("1", 4, 1500.0)),
        update(S.FILLED, 10, fill("2", 6, 1501.0)),
    )
    assert (done.status, done.filled, done.broker_order_id) == (S.FILLED, 10, "B1")
    assert done.average_price == pytest.approx(1500.6)
    assert known == {"1": 4, "2": 6}
    assert alarms == []


def test_fills_of_one_update_come_in_order_of_time_and_once() -> None:
    step = advance(
        order(), update(S.OPEN, 9, fill("2", 3, time_ns=9), fill("1", 3, time_ns=4), fill("2", 3, time_ns=9), fill("0", 3)), {"0": 3}
    )
    assert [new.trade_id for new in step.new_fills] == ["1", "2"]
    assert step.order.status is S.PARTIAL
    assert step.order.filled == 9


def test_a_filled_quantity_ahead_of_its_trades_is_not_counted_twice() -> None:
    done, known, _ = play(order(), update(S.OPEN, 6), update(S.OPEN, 6, fill("1", 4)), update(S.OPEN, 6, fill("2", 2)))
    assert (done.filled, sum(known.values())) == (6, 6)


def test_a_status_of_none_keeps_the_status_and_may_set_what_is_pending() -> None:
    step = advance(order(S.OPEN, pending=Pending.MODIFY), update(None, pending=Pending.NONE, price=1499.0), {})
    assert (step.order.status, step.order.pending, step.order.price) == (S.OPEN, Pending.NONE, 1499.0)
    assert not step.is_regression


def test_an_end_clears_what_was_pending() -> None:
    assert advance(order(S.OPEN, pending=Pending.CANCEL), update(S.CANCELLED), {}).order.pending is Pending.NONE


def test_older_news_does_not_change_price_or_quantity() -> None:
    step = advance(
        order(S.OPEN, price=10.0, updated_ns=9),
        update(S.OPEN, price=11.0, quantity=5, trigger_price=1.0, pending=Pending.MODIFY, time_ns=3),
        {},
    )
    assert (step.order.price, step.order.quantity, step.order.trigger_price, step.order.pending) == (10.0, 10, None, Pending.NONE)


def test_a_step_back_is_recorded_unless_a_newer_snapshot_says_so() -> None:
    before = order(S.OPEN, updated_ns=5)
    assert advance(before, update(S.TRIGGER, time_ns=6), {}) == Advance(
        replace(before, broker_order_id="B1", updated_ns=6), is_regression=True
    )
    assert advance(before, update(S.TRIGGER, time_ns=6, is_snapshot=True), {}).order.status is S.TRIGGER
    assert advance(before, update(S.TRIGGER, time_ns=4, is_snapshot=True), {}).order.status is S.OPEN
    partial = order(S.PARTIAL, filled=2)
    assert advance(partial, update(S.OPEN, is_snapshot=True), {}).order.status is S.PARTIAL


def test_a_late_fill_grows_a_cancelled_order_and_alarms() -> None:
    step = advance(order(S.CANCELLED), update(S.OPEN, 3, fill("1", 3)), {})
    assert (step.order.status, step.order.filled) == (S.CANCELLED, 3)
    assert "3 more of it filled" in step.alarms[0]
    whole = advance(step.order, update(S.FILLED, 10, fill("2", 7)), {"1": 3})
    assert whole.order.status is S.FILLED
    assert "was CANCELLED and is FILLED" in whole.alarms[0]


def test_a_cancel_that_names_a_later_fill_alarms_once() -> None:
    step = advance(order(S.CANCELLED, filled=2), update(S.CANCELLED, 4), {})
    assert step.order.filled == 4
    assert len(step.alarms) == 1
    assert advance(step.order, update(S.CANCELLED, 4), {}).alarms == ()


def test_late_news_of_a_living_order_after_its_end_is_a_regression() -> None:
    step = advance(order(S.CANCELLED), update(S.OPEN), {})
    assert (step.order.status, step.alarms, step.is_regression) == (S.CANCELLED, (), True)
    assert advance(order(S.FILLED, filled=10), update(S.OPEN, 4, is_snapshot=True), {}).order.status is S.FILLED


def test_a_snapshot_that_sees_it_alive_reopens_it_with_an_alarm() -> None:
    step = advance(order(S.REJECTED, updated_ns=1), update(S.OPEN, time_ns=2, is_snapshot=True), {})
    assert step.order.status is S.OPEN
    assert "was REJECTED and is OPEN at the broker" in step.alarms[0]


def test_a_ghost_of_an_order_we_gave_up_is_adopted() -> None:
    step = advance(order(S.NOT_PLACED), update(S.OPEN, 2, fill("1", 2)), {})
    assert (step.order.status, step.order.filled) == (S.PARTIAL, 2)
    assert step.alarms


def test_two_ends_that_differ_alarm_and_the_stronger_stays() -> None:
    for first, second in [(S.CANCELLED, S.REJECTED), (S.REJECTED, S.CANCELLED)]:
        step = advance(order(first), update(second), {})
        assert step.order.status is S.CANCELLED
        assert step.alarms


def test_more_than_was_asked_is_taken_and_alarmed() -> None:
    step = advance(order(S.OPEN), update(S.FILLED, 12, fill("1", 12)), {})
    assert (step.order.status, step.order.filled) == (S.FILLED, 12)
    assert "filled 12 of 10" in step.alarms[0]


LIVES = st.sampled_from(
    [
        (update(S.ACKED), update(S.OPEN), update(S.OPEN, 4, fill("1", 4)), update(S.FILLED, 10, fill("2", 6))),
        (update(S.ACKED), update(S.OPEN), update(S.OPEN, 4, fill("1", 4)), update(S.CANCELLED, 4)),
        (
            update(S.ACKED),
            update(S.TRIGGER),
            update(S.OPEN),
            update(S.OPEN, 1, fill("1", 1)),
            update(S.OPEN, 3, fill("2", 2)),
            update(S.EXPIRED, 3),
        ),
        (update(S.ACKED), update(S.REJECTED)),
        (update(S.ACKED), update(S.OPEN), update(S.CANCELLED)),
    ]
)


@settings(deadline=None, max_examples=300)
@given(LIVES, st.integers(0, 2**32), st.integers(0, 3))
def test_shuffled_and_repeated_news_lead_to_the_same_end(life: tuple[OrderUpdate, ...], seed: int, repeats: int) -> None:
    want, want_known, _ = play(order(), *life)
    shuffled = [*life, *life[: repeats + 1]]
    random.Random(seed).shuffle(shuffled)
    got, known, _ = play(order(), *shuffled)
    assert (got.status, got.filled, got.filled_value_units, known) == (want.status, want.filled, want.filled_value_units, want_known)


@settings(deadline=None, max_examples=100)
@given(LIVES, st.integers(0, 2**32))
def test_what_is_filled_never_shrinks(life: tuple[OrderUpdate, ...], seed: int) -> None:
    news = list(life) * 2
    random.Random(seed).shuffle(news)
    now, known, before = order(), {}, 0
    for one in news:
        step = advance(now, one, known)
        now, known = step.order, known | {new.trade_id: new.quantity for new in step.new_fills}
        assert now.filled >= before
        before = now.filled


def test_an_order_id_is_twenty_characters_and_sorts_by_time() -> None:
    first = new_order_id("paper", "ema", 1_700_000_000_000, b"\x00\x01\x02\x03\x04")
    later = new_order_id("paper", "ema", 1_700_000_000_001, b"\x00\x00\x00\x00\x00")
    assert len(first) == 20
    assert first[0] == "P"
    assert first < later
    assert first.isalnum()
    assert first != new_order_id("paper", "hand", 1_700_000_000_000, b"\x00\x01\x02\x03\x04")
    assert new_order_id("p", "x", 0, b"\xff" * 5).endswith("ZZZZZZZZ")

"""An order ends the same whatever way the broker's news came."""

from __future__ import annotations

import random
import zlib
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
        assert following or status is S.FILLED


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
        (S.INTENT, S.NOT_PLACED),
        (S.UNKNOWN, S.OPERATOR),
        (S.OPEN, S.TRIGGER),
        (S.PARTIAL, S.PARTIAL),
        (S.PARTIAL, S.REJECTED),
        (S.EXPIRED, S.CANCELLED),
        (S.REJECTED, S.EXPIRED),
        (S.NOT_PLACED, S.OPEN),
        (S.DENIED, S.FILLED),
    ],
)
def test_a_legal_step_is_taken(before: OrderStatus, after: OrderStatus) -> None:
    moved = transition(order(before, updated_ns=5), after, 3, message="so")
    assert (moved.status, moved.updated_ns, moved.message) == (after, 5, "so")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.NEW, S.SENT),
        (S.NEW, S.ACKED),
        (S.FILLED, S.CANCELLED),
        (S.ACKED, S.NOT_PLACED),
        (S.DENIED, S.INTENT),
        (S.SENT, S.INTENT),
        (S.SENT, S.OPERATOR),
        (S.UNKNOWN, S.SENT),
        (S.ACKED, S.ACKED),
        (S.TRIGGER, S.ACKED),
        (S.TRIGGER, S.TRIGGER),
        (S.OPEN, S.ACKED),
        (S.OPEN, S.OPEN),
        (S.PARTIAL, S.OPEN),
        (S.CANCELLED, S.EXPIRED),
        (S.EXPIRED, S.REJECTED),
        (S.REJECTED, S.REJECTED),
    ],
)
def test_an_illegal_step_raises(before: OrderStatus, after: OrderStatus) -> None:
    with pytest.raises(InvalidTransition, match=f"Order P1 is {before}: expected .* to follow, was {after}"):
        transition(order(before), after, 0)


def test_nothing_follows_a_whole_fill() -> None:
    with pytest.raises(InvalidTransition, match="Order P1 is FILLED: expected nothing to follow, was OPEN"):
        transition(order(S.FILLED), S.OPEN, 0)
    with pytest.raises(InvalidTransition, match="Order P1 is NEW: expected DENIED, INTENT to follow, was OPEN"):
        transition(order(S.NEW), S.OPEN, 0)


def test_the_last_words_of_the_broker_are_kept() -> None:
    said = advance(order(S.OPEN, message="first"), update(S.OPEN), {}).order
    assert said.message == "first"
    assert advance(said, update(S.OPEN, message="then"), {}).order.message == "then"


def test_an_ordinary_life() -> None:
    done, known, alarms = play(
        order(),
        update(S.ACKED),
        update(S.OPEN),
        update(S.OPEN, 4, fill("1", 4, 1500.0)),
        update(S.FILLED, 10, fill("2", 6, 1501.0)),
    )
    assert (done.status, done.filled, done.broker_order_id) == (S.FILLED, 10, "B1")
    assert not any(advance(order(), update(status), {}).is_regression for status in (S.ACKED, S.OPEN, S.CANCELLED, None))
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
        order(S.OPEN, price=10.0, heard_ns=9),
        update(S.OPEN, price=11.0, quantity=5, trigger_price=1.0, pending=Pending.MODIFY, time_ns=3),
        {},
    )
    assert (step.order.price, step.order.quantity, step.order.trigger_price, step.order.pending) == (10.0, 10, None, Pending.NONE)


def test_a_step_back_is_recorded_unless_a_newer_snapshot_says_so() -> None:
    before = order(S.OPEN, updated_ns=5, heard_ns=5)
    assert advance(before, update(S.TRIGGER, time_ns=6), {}) == Advance(
        replace(before, broker_order_id="B1", updated_ns=6, heard_ns=6), is_regression=True
    )
    assert advance(before, update(S.TRIGGER, time_ns=6, is_snapshot=True), {}).order.status is S.TRIGGER
    assert advance(before, update(S.TRIGGER, time_ns=4, is_snapshot=True), {}).order.status is S.OPEN
    partial = order(S.PARTIAL, filled=2)
    assert advance(partial, update(S.OPEN, is_snapshot=True), {}).order.status is S.PARTIAL


def test_the_same_news_again_is_no_step_back() -> None:
    for status in (S.ACKED, S.TRIGGER, S.OPEN):
        step = advance(order(status), update(status), {})
        assert (step.order.status, step.is_regression) == (status, False)


def test_what_has_filled_decides_whether_an_order_is_whole_or_partial() -> None:
    for status in (None, S.ACKED, S.OPEN, S.PARTIAL):
        assert advance(order(S.OPEN), update(status, 10), {}).order.status is S.FILLED
        assert advance(order(S.OPEN), update(status, 12), {}).order.status is S.FILLED
        assert advance(order(S.OPEN), update(status, 9), {}).order.status is S.PARTIAL
    assert advance(order(S.SENT, quantity=0), update(S.OPEN), {}).order.status is S.OPEN, "nobody knows of how many"
    assert advance(order(S.SENT, quantity=0), update(S.OPEN, 4), {}).order.status is S.PARTIAL


def test_a_late_fill_grows_a_cancelled_order_and_alarms() -> None:
    step = advance(order(S.CANCELLED), update(S.OPEN, 3, fill("1", 3)), {})
    assert (step.order.status, step.order.filled, step.is_regression) == (S.CANCELLED, 3, False)
    assert "3 more of it filled" in step.alarms[0]
    whole = advance(step.order, update(S.FILLED, 10, fill("2", 7)), {"1": 3})
    assert whole.order.status is S.FILLED
    assert "was CANCELLED and is FILLED" in whole.alarms[0]


def test_a_cancel_that_names_a_later_fill_alarms_once() -> None:
    step = advance(order(S.CANCELLED, filled=2), update(S.CANCELLED, 5), {})
    assert step.order.filled == 5
    assert len(step.alarms) == 1
    assert "when 3 more of it filled" in step.alarms[0]
    again = advance(step.order, update(S.CANCELLED, 5), {})
    assert (again.alarms, again.is_regression) == ((), False)


def test_late_news_of_a_living_order_after_its_end_is_a_regression() -> None:
    step = advance(order(S.CANCELLED), update(S.OPEN), {})
    assert (step.order.status, step.alarms, step.is_regression) == (S.CANCELLED, (), True)
    assert advance(order(S.FILLED, filled=10), update(S.OPEN, 4, is_snapshot=True), {}).order.status is S.FILLED


def test_a_snapshot_that_sees_it_alive_reopens_it_with_an_alarm() -> None:
    step = advance(order(S.REJECTED, heard_ns=1), update(S.OPEN, time_ns=2, is_snapshot=True), {})
    assert (step.order.status, step.is_regression) == (S.OPEN, False)
    assert "was REJECTED and is OPEN at the broker" in step.alarms[0]


def test_a_snapshot_no_later_than_the_end_does_not_reopen_it() -> None:
    for status in (S.CANCELLED, S.FILLED):
        step = advance(order(status, heard_ns=2), update(S.OPEN, time_ns=2, is_snapshot=True), {})
        assert (step.order.status, step.alarms, step.is_regression) == (status, (), True)


def test_what_is_newer_is_told_by_the_broker_not_by_our_clock() -> None:
    step = advance(order(S.OPEN, pending=Pending.MODIFY, updated_ns=99), update(S.OPEN, price=11.0, pending=Pending.NONE, time_ns=3), {})
    assert (step.order.price, step.order.pending, step.order.heard_ns, step.order.updated_ns) == (11.0, Pending.NONE, 3, 99)


def test_two_ends_of_which_one_is_full_alarm_and_the_full_one_stays() -> None:
    step = advance(order(S.FILLED, filled=4), update(S.CANCELLED, 4), {})
    assert step.order.status is S.FILLED
    assert step.alarms


def test_a_ghost_of_an_order_we_gave_up_is_adopted() -> None:
    step = advance(order(S.NOT_PLACED), update(S.OPEN, 2, fill("1", 2)), {})
    assert (step.order.status, step.order.filled) == (S.PARTIAL, 2)
    assert step.alarms


def test_two_ends_that_differ_alarm_and_the_stronger_stays() -> None:
    for first, second, is_regression in [(S.CANCELLED, S.REJECTED, True), (S.REJECTED, S.CANCELLED, False), (S.CANCELLED, S.EXPIRED, True)]:
        step = advance(order(first), update(second), {})
        assert (step.order.status, step.is_regression) == (S.CANCELLED, is_regression)
        assert step.alarms


def test_more_than_was_asked_is_taken_and_alarmed() -> None:
    step = advance(order(S.OPEN), update(S.FILLED, 12, fill("1", 12)), {})
    assert (step.order.status, step.order.filled) == (S.FILLED, 12)
    assert "filled 12 of 10" in step.alarms[0]
    assert advance(step.order, update(S.FILLED, 12, fill("1", 12)), {"1": 12}).alarms == ()


LATE = [S.CANCELLED, S.REJECTED, S.NOT_PLACED]


@pytest.mark.parametrize("ended", [*LATE, S.OPERATOR, S.EXPIRED])
@pytest.mark.parametrize(
    ("said", "filled", "becomes", "is_alive"),
    [(S.OPEN, 0, S.OPEN, True), (S.TRIGGER, 0, S.TRIGGER, True), (S.OPEN, 4, S.PARTIAL, True), (S.FILLED, 10, S.FILLED, False)],
)
def test_what_had_ended_and_is_seen_again_is_what_the_broker_says(
    ended: OrderStatus, said: OrderStatus, filled: int, becomes: OrderStatus, is_alive: bool
) -> None:
    before = order(ended, reservation=7, heard_ns=1)
    fills = (fill("1", filled),) if filled else ()
    step = advance(before, update(said, filled, *fills, time_ns=2, is_snapshot=True), {})
    assert (step.order.status, step.order.filled, step.new_fills) == (becomes, filled, fills)
    assert step.is_ghost is is_alive, "only what is still alive has to be cancelled"
    assert step.order.reservation == (0 if is_alive else 7), "what was let go is counted anew"
    assert step.alarms


@pytest.mark.parametrize("ended", LATE)
def test_a_late_fill_that_leaves_an_order_ended_is_no_ghost(ended: OrderStatus) -> None:
    step = advance(order(ended), update(S.CANCELLED, 4, fill("1", 4)), {})
    assert (step.order.status, step.order.filled, step.is_ghost) == (S.CANCELLED, 4, False)
    assert step.alarms


@pytest.mark.parametrize(
    ("known", "said", "filled", "is_doubtful"),
    [
        (S.CANCELLED, S.REJECTED, 0, True),
        (S.REJECTED, S.EXPIRED, 0, True),
        (S.FILLED, S.CANCELLED, 4, True),
        (S.FILLED, S.CANCELLED, 10, False),
        (S.FILLED, S.CANCELLED, 12, False),
        (S.CANCELLED, S.FILLED, 10, False),
        (S.CANCELLED, S.CANCELLED, 0, False),
        (S.NOT_PLACED, S.CANCELLED, 0, False),
        (S.OPEN, S.CANCELLED, 0, False),
        (S.CANCELLED, S.OPEN, 0, False),
        (S.CANCELLED, None, 0, False),
    ],
)
def test_two_ends_that_cannot_both_be_so_are_doubted(known: OrderStatus, said: OrderStatus | None, filled: int, is_doubtful: bool) -> None:
    assert advance(order(known, filled=filled), update(said, filled), {}).is_doubtful is is_doubtful


def test_a_word_that_nobody_knows_changes_nothing_and_is_told_with_its_row() -> None:
    before = order(S.OPEN, broker_order_id="B1")
    step = advance(before, update(None, raw_status="AWAITING THE MOON", raw='{"status": "AWAITING THE MOON"}'), {})
    assert step.order == before
    assert '"AWAITING THE MOON" of order P1' in step.alarms[0]
    assert "counts as OPEN" in step.alarms[0]
    assert 'says "nothing"' in advance(before, update(None, raw="{}"), {}).alarms[0]


@pytest.mark.parametrize(("price", "shown"), [(0.0, "0"), (float("nan"), "0"), (-1.0, "-1")])
def test_a_fill_without_a_true_price_is_taken_and_alarmed(price: float, shown: str) -> None:
    step = advance(order(S.OPEN), update(S.OPEN, 3, fill("1", 3, price)), {})
    assert (step.order.filled, step.new_fills[0].quantity) == (3, 3)
    assert f"3 at a price of {shown};" in step.alarms[0]


def test_an_order_that_forked_counts_in_full_and_alarms() -> None:
    step = advance(order(S.OPEN), update(S.OPEN, quantity=20, parts=("B1", "B2")), {})
    assert (step.order.quantity, step.order.remaining) == (20, 20)
    assert "became 2 at the broker, 20 in all, where 10 were asked" in step.alarms[0]
    assert advance(order(S.OPEN), update(S.OPEN, quantity=10, parts=("B1", "B2")), {}).alarms == ()
    assert advance(order(S.OPEN), update(S.OPEN, quantity=5, parts=("B1", "B2")), {}).alarms == ()
    assert advance(order(S.OPEN), update(S.OPEN, quantity=20), {}).alarms == (), "made larger where it was, and nowhere else"
    assert advance(order(S.OPEN), update(S.OPEN, quantity=20, parts=("B1",)), {}).alarms == ()


def test_trades_that_no_filled_quantity_came_with_add_up() -> None:
    assert advance(order(S.OPEN), update(None, 0, fill("2", 3), fill("3", 2)), {"1": 3}).order.filled == 8


def test_who_keeps_count_of_the_trades_is_believed() -> None:
    assert advance(order(S.OPEN), update(S.OPEN, 0, fill("9", 1)), {"1": 2}, 2).order.filled == 3


@st.composite
def lives(draw: st.DrawFn) -> list[OrderUpdate]:
    """News of an honest broker, as it happened: fills told cumulatively or one by one, late or with the status, in snapshots or not."""
    news = [update(S.ACKED, time_ns=1)]
    if draw(st.booleans()):
        news.append(update(S.TRIGGER, time_ns=2))
    fills: list[BrokerFill] = []
    parts = draw(st.lists(st.integers(1, 4), max_size=5))
    news.append(update(S.OPEN, time_ns=3))
    for at, part in enumerate(parts, start=4):
        if (done := sum(one.quantity for one in fills)) == 10:
            break
        fills.append(fill(f"{at}", min(part, 10 - done), 1500.0 + at, at))
        told = fills if draw(st.booleans()) else fills[-1:]
        status = draw(st.sampled_from([S.OPEN, S.PARTIAL, None]))
        silent = draw(st.booleans())
        news.append(update(status, done + fills[-1].quantity, *(() if silent else told), time_ns=at, is_snapshot=draw(st.booleans())))
    total = sum(one.quantity for one in fills)
    end = S.FILLED if total == 10 else draw(st.sampled_from([S.CANCELLED, S.EXPIRED, S.REJECTED, S.CANCELLED]))
    news.append(update(end, total, time_ns=20))
    news.append(update(end, total, *fills, time_ns=21, is_snapshot=True))
    return news


def shuffled(news: list[OrderUpdate], seed: int, repeats: int) -> list[OrderUpdate]:
    mixed = news * repeats + news[: seed % len(news)]
    random.Random(seed).shuffle(mixed)
    return mixed


@settings(deadline=None, max_examples=400)
@given(lives(), st.integers(0, 2**32), st.integers(1, 3))
def test_shuffled_and_repeated_news_lead_to_the_same_end_without_alarm(life: list[OrderUpdate], seed: int, repeats: int) -> None:
    want, want_known, unasked = play(order(), *life)
    got, known, alarms = play(order(), *shuffled(life, seed, repeats))
    assert (got.status, got.filled, got.filled_value_units, known) == (want.status, want.filled, want.filled_value_units, want_known)
    assert want.status is life[-1].status
    assert unasked == alarms == []


@settings(deadline=None, max_examples=200)
@given(lives(), st.integers(0, 2**32), st.sampled_from([S.SENT, S.UNKNOWN, S.INTENT, S.NOT_PLACED, S.OPERATOR, S.DENIED, S.CANCELLED]))
def test_what_is_filled_never_shrinks_and_every_step_is_in_the_table(life: list[OrderUpdate], seed: int, start: OrderStatus) -> None:
    now, known = order(start), {}
    for one in shuffled(life, seed, 2):
        step = advance(now, one, known)
        known |= {new.trade_id: new.quantity for new in step.new_fills}
        assert step.order.filled >= now.filled
        assert step.order.status is now.status or step.order.status in TRANSITIONS[now.status]
        assert step.alarms or not now.status.is_terminal or step.order.status is now.status
        now = step.order


def test_an_order_id_is_twenty_characters_and_sorts_by_time() -> None:
    first = new_order_id("paper", "ema", 1_700_000_000_000, b"\x00\x01\x02\x03\x04")
    later = new_order_id("paper", "ema", 1_700_000_000_001, b"\x00\x00\x00\x00\x00")
    assert len(first) == 20
    assert first[0] == "P"
    assert first < later
    assert first.isalnum()
    assert first != new_order_id("paper", "hand", 1_700_000_000_000, b"\x00\x01\x02\x03\x04")
    assert new_order_id("p", "x", 0, b"\xff" * 5).endswith("ZZZZZZZZ")


def test_an_order_id_tells_owner_time_and_chance_apart() -> None:
    number = 0
    for letter in new_order_id("live", "ema", 1_735_789_500_123, b"\x01\x02\x03\x04\x05")[1:]:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    assert number & (1 << 40) - 1 == 0x0102030405
    assert number >> 40 & (1 << 45) - 1 == 1_735_789_500_123
    assert number >> 85 == zlib.crc32(b"ema") & 1023


def test_an_order_id_has_room_for_times_of_a_thousand_years() -> None:
    latest_ms = (1 << 45) - 1
    assert new_order_id("p", "x", latest_ms, bytes(5))[3:12] == "ZZZZZZZZZ"
    assert new_order_id("p", "x", 1023 << 45, bytes(5)) == new_order_id("p", "x", 0, bytes(5)), "a later time changes no owner"

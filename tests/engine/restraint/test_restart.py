"""What was stopped stays stopped, and what was used of the day stays used, over a restart; a new day ends what ends with the day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.model import OrderStatus, Purpose, TradingState
from engine.restraint.stops import LINK, OPENING
from tests.engine.restraint.benches import UNITS, Bench

S = OrderStatus


def shown(bench: Bench) -> Any:
    """Return what the risk panel says."""
    return bench.risk.status(bench.desk.account_of(""))


def test_every_stop_that_a_person_ends_is_there_again() -> None:
    bench = Bench(entries_without_exit=1, broker_rejects=1, loss_streak=1)
    bench.risk.halt("by hand")
    bench.risk.reduce("3 orders alike", "duplicate_order")
    bench.risk.reduce("no line", LINK)
    bench.risk.halt("comparing", OPENING)
    bench.risk.halt("the kill switch", "kill")
    bench.risk.stop_owner("bot", "entries_without_exit", "too often")
    bench.stop_out(owner="other")
    again = bench.again()
    assert [(r.owner, r.control, r.reason) for r in shown(again).restraints] == [
        ("", "hand", "by hand"),
        ("", "duplicate_order", "3 orders alike"),
        ("bot", "entries_without_exit", "too often"),
        ("other", "loss_streak", "it was stopped out too often in a row"),
    ], "the connection is found again by itself, and the kill switch keeps itself"
    assert again.risk.state is TradingState.HALTED
    again.risk.resume("seen")
    assert again.send(owner="bot") is None
    assert again.send(owner="other") is None
    again.clock.advance(3_600)
    assert again.send(owner="other") is not None, "a pause goes on to its own end"


def test_counts_of_the_day_are_there_again_even_those_not_written_down_yet() -> None:
    bench = Bench(strategy_orders=4, entries_without_exit=3, broker_rejects=2)
    early = bench.risk.kept()
    bench.send(owner="bot")
    bench.send(owner="bot", price=101.0)
    bench.becomes(bench.send(owner="bot", price=102.0), S.REJECTED)
    assert bench.send(owner="hand", quantity=0) is None
    for kept in (early, bench.risk.kept()):
        again = Bench(**bench.risk.limits)
        again.risk.take_up(kept, bench.orders, again.clock.now_ns())
        assert again.risk.memory.used("bot", "strategy_orders", again.clock.now_ns()) == 3
        assert again.risk.memory.used("bot", "broker_rejects", again.clock.now_ns()) == 1
        assert again.risk.memory.messages == 3
        assert again.send(owner="bot") is None
        assert again.last.rule == "entries_without_exit"
    assert shown(bench.again()).denied == 1
    bench.clock.advance(301)
    later = bench.again()
    assert later.send(owner="bot")
    assert later.send(owner="bot") is None
    assert later.last.rule == "strategy_orders"


def test_the_quantity_of_the_day_is_there_again() -> None:
    bench = Bench(strategy_quantity=25)
    early = bench.risk.kept()
    bench.send(owner="bot", quantity=20)
    for kept, orders in ((early, bench.orders), (bench.risk.kept(), [])):
        again = Bench(**bench.risk.limits)
        again.risk.take_up(kept, orders, again.clock.now_ns())
        assert again.risk.memory.used("bot", "strategy_quantity", again.clock.now_ns()) == 20
        assert again.send(owner="bot", quantity=6) is None
        assert again.send(owner="bot", quantity=5)


def test_messages_of_the_last_minute_still_count_after_a_restart_changes_and_cancels_too() -> None:
    bench = Bench(messages_a_minute=6, messages_a_day=100)
    order = bench.send(owner="bot")
    bench.becomes(order, S.CANCELLED)
    bench.orders[-1] = replace(bench.orders[-1], modifications=2)
    bench.send(owner="bot", price=101.0)
    again = Bench(**bench.risk.limits)
    again.risk.take_up({}, bench.orders, again.clock.now_ns())
    assert again.risk.memory.messages == 5
    assert again.send(owner="bot", price=102.0)
    assert again.send(owner="bot", price=103.0) is None
    assert again.last.rule == "messages_a_minute"
    again.clock.advance(61)
    assert again.send(owner="bot", price=104.0)


def test_a_clock_that_was_set_back_makes_no_message_older() -> None:
    bench = Bench(messages_a_minute=1)
    order = bench.send(owner="bot")
    assert order is not None
    again = Bench(messages_a_minute=1)
    again.risk.take_up({}, [replace(order, updated_ns=order.created_ns + 600 * 10**9)], again.clock.now_ns())
    assert again.send(owner="bot", price=101.0) is None


def test_an_exit_before_the_restart_ends_the_count_of_entries() -> None:
    bench = Bench(entries_without_exit=1)
    bench.desk.quantity_of = lambda key, product, owner: 5  # type: ignore[method-assign]
    bench.send(owner="bot")
    out = bench.send(-1, owner="bot", purpose=Purpose.EXIT)
    bench.clock.advance(1)
    bench.becomes(out, S.FILLED, filled=1)
    assert bench.again().send(owner="bot")


def test_what_others_ordered_and_what_was_denied_or_is_of_yesterday_counts_for_nothing() -> None:
    bench = Bench(strategy_orders=1)
    order = bench.send(owner="bot")
    assert order is not None
    bench.orders = [
        replace(order, request=replace(order.request, owner="external")),
        replace(order, status=S.DENIED),
        replace(order, created_ns=order.created_ns - 86_400 * 10**9),
    ]
    again = Bench(strategy_orders=1)
    again.risk.take_up({}, bench.orders, again.clock.now_ns())
    assert again.risk.memory.messages == 0
    assert again.send(owner="bot")


def test_a_strategy_s_loss_of_the_day_outlives_restarts_and_the_account_s_steps_are_told_once() -> None:
    bench = Bench(strategy_loss=1, max_daily_loss=3_000, profit_giveback=40)
    bench.send(owner="bot")
    bench.gains(2_000)
    bench.gains(-600, "bot")
    bench.gains(-2_100)
    again = bench.again()
    again.desk.starts[""] = 0
    again.gains(-2_200)
    assert not again.told
    again.gains(-1_000, "bot")
    assert [owner for owner, _ in again.stopped] == ["bot"], "Rs 600 before the restart and Rs 400 after it"
    assert again.risk.memory.ladder.peak_units == 2_000 * UNITS
    assert "profit_giveback" in again.risk.memory.stops.account.causes


def test_a_new_day_ends_what_ends_with_the_day_while_the_terminal_was_closed() -> None:
    bench = Bench(strategy_loss=1, profit_giveback=40, max_daily_loss=3_000, entries_without_exit=1, strategy_orders=1)
    bench.send(owner="bot")
    bench.gains(5_000)
    bench.gains(-3_000)
    bench.risk.stop_owner("bot", "strategy_loss", "lost")
    bench.risk.stop_owner("runaway", "entries_without_exit", "ran away")
    bench.risk.take_up(bench.risk.kept(), bench.orders, bench.clock.now_ns())  # from here on it knows its day
    bench.clock.advance(86_400)
    again = bench.again()
    assert [(r.owner, r.control) for r in shown(again).restraints] == [("runaway", "entries_without_exit")]
    assert (again.risk.state, again.risk.denied, again.risk.memory.messages) == (TradingState.ACTIVE, 0, 0)
    assert again.send(owner="bot")
    assert again.risk.memory.ladder.peak_units == 0


def test_arming_is_never_kept_and_the_first_day_is() -> None:
    bench = Bench(first_session_lots=1)
    bench.desk.is_live = True
    assert bench.send(owner="bot") is None
    assert bench.last.reason == "Expected bot to be armed for real money in this session, was not; start it again to arm it."
    bench.risk.arm("bot", "abc")
    assert [text for _, text in bench.told] == [
        "bot trades real money for the first time with this code: it holds at most 1 lots of each today."
    ]
    assert bench.send(owner="bot")
    assert bench.send(owner="bot") is None, "another one would be two lots"
    assert bench.last.rule == "first_session_lots"
    assert bench.risk.most_of("bot", bench.orders[0].instrument) == 1
    again = bench.again(is_live=True)
    assert again.send(owner="bot") is None
    again.risk.arm("bot", "abc")
    assert again.risk.most_of("bot", bench.orders[0].instrument) == 1, "the same day is still the first"
    again.clock.advance(86_400)
    again.risk.roll_day()
    assert again.send(owner="bot") is None, "each session is armed for itself"
    again.risk.arm("bot", "abc")
    assert again.send(owner="bot", quantity=50)
    again.risk.arm("bot", "changed")
    assert again.send(owner="bot", quantity=50) is None, "changed code begins small again"
    again.risk.disarm("bot")
    assert again.send(owner="bot") is None
    assert again.send(quantity=5), "the hand is armed by the log-in"


@pytest.mark.parametrize("kept", [{"stops": {"": {"hand": 7}}}, {"owners": {"bot": {}}}, {"stops": 3}, {"waiting": {"x": [1]}}])
def test_what_cannot_be_read_is_not_taken_for_nothing(kept: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, IndexError)):
        Bench().risk.take_up(kept, [], 0)


def test_a_terminal_that_stood_still_is_no_reason_any_more_after_a_restart() -> None:
    bench = Bench()
    bench.risk.reduce("the terminal stood still for 2.0 s", "lag")
    (held,) = bench.risk.status(bench.desk.account_of("")).restraints
    assert (held.ends, held.needs_person) == ("once the terminal keeps time again", False)
    assert bench.again().risk.state is TradingState.ACTIVE

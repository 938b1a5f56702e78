"""What each owner did of late, counted to the nanosecond at which it counts no longer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.facts import Facts
from engine.core.model import Order, OrderStatus, Product, Purpose, Trade
from engine.restraint.owners import MINUTE_NS, Owners, is_strategy, is_turn
from tests.engine.fakes import OPEN_NS, RELIANCE, TCS, request

S = OrderStatus
KEY = RELIANCE.key


def told(owners: Owners, now_ns: int, owner: str = "bot", **more: Any) -> Facts:
    facts = Facts(request(owner=owner, **more))
    owners.tell(facts, now_ns)
    return facts


def stopped_out(pnl: int, charges: int = 0, reason: Purpose = Purpose.STOP) -> Trade:
    return Trade(RELIANCE, "bot", Product.MIS, 1, 0, 0, 0, 0, pnl, charges, reason)


def an_order(at_ns: int, status: OrderStatus = S.OPEN, filled: int = 0, updated_ns: int = 0, **more: Any) -> Order:
    return Order(
        "o", request(**({"owner": "bot"} | more)), status, quantity=10, filled=filled, created_ns=at_ns, updated_ns=updated_ns or at_ns
    )


def test_a_strategy_is_neither_the_account_nor_the_hand_nor_somebody_outside() -> None:
    assert [is_strategy(owner) for owner in ("", "hand", "external", "bot")] == [False, False, False, True]


def test_entries_count_for_five_minutes_to_the_nanosecond() -> None:
    owners, later = Owners(), OPEN_NS + 5 * MINUTE_NS
    owners.on_allowed(request(owner="bot"), OPEN_NS)
    owners.on_allowed(request(owner="bot", instrument=TCS), OPEN_NS)
    owners.on_allowed(request(owner="bot"), OPEN_NS + 1)
    assert (owners.entries("bot", KEY, later - 1), owners.entries("bot", TCS.key, later - 1)) == (2, 1)
    assert told(owners, later - 1).entries == 2
    assert told(owners, later).entries == 1
    assert owners.entries("bot", KEY, later + 1) == 0
    assert owners.entries("other", KEY, OPEN_NS) == 0


def test_an_exit_is_an_order_and_no_entry_and_ends_the_count_where_it_got_out() -> None:
    owners = Owners()
    for instrument in (RELIANCE, TCS):
        owners.on_allowed(request(owner="bot", instrument=instrument), OPEN_NS)
    owners.on_allowed(request(-1, owner="bot", purpose=Purpose.EXIT), OPEN_NS)
    facts = told(owners, OPEN_NS)
    assert (facts.entries, facts.orders_today) == (1, 3)
    owners.on_exit("bot", KEY)
    owners.on_exit("nobody", KEY)
    assert "nobody" not in owners.tallies
    assert (owners.entries("bot", KEY, OPEN_NS), owners.entries("bot", TCS.key, OPEN_NS)) == (0, 1)


def test_the_hand_is_told_its_entries_and_has_no_budget_of_orders() -> None:
    owners = Owners()
    owners.on_allowed(request(), OPEN_NS)
    facts = told(owners, OPEN_NS, "hand")
    assert (facts.entries, facts.orders_today) == (1, 0)
    assert told(owners, OPEN_NS, "stranger").entries == 0
    assert "stranger" not in owners.tallies


def test_rejects_count_for_a_minute_to_the_nanosecond() -> None:
    owners = Owners()
    assert [owners.on_reject("bot", OPEN_NS), owners.on_reject("bot", OPEN_NS + 1)] == [1, 2]
    assert told(owners, OPEN_NS + MINUTE_NS - 1).rejects == 2
    assert told(owners, OPEN_NS + MINUTE_NS).rejects == 1
    assert owners.on_reject("bot", OPEN_NS + MINUTE_NS + 1) == 1
    assert owners.rejects("bot", OPEN_NS + MINUTE_NS + 1) == 1
    assert owners.rejects("other", OPEN_NS) == 0


def test_a_pause_lasts_an_hour_and_begins_with_the_losing_stop_that_reaches_the_limit() -> None:
    owners = Owners()
    assert [owners.on_trade(stopped_out(-1), OPEN_NS, 3.0) for _ in range(3)] == [False, False, True]
    assert owners.of("bot").stops == 0, "the next pause needs as many again"
    assert told(owners, OPEN_NS).cools_s == 3_600.0
    assert told(owners, OPEN_NS + 59 * MINUTE_NS).cools_s == 60.0
    assert told(owners, OPEN_NS + 60 * MINUTE_NS).cools_s == 0.0
    assert told(owners, OPEN_NS + 61 * MINUTE_NS).cools_s == 0.0


@pytest.mark.parametrize(
    ("trade", "stops"),
    [
        (stopped_out(-1), 2),
        (stopped_out(5, 6), 2),
        (stopped_out(5, 5), 0),
        (stopped_out(0), 0),
        (stopped_out(9, 5), 0),
        (stopped_out(-9, 0, Purpose.TRAIL), 2),
        (stopped_out(-9, 0, Purpose.EXIT), 1),
    ],
)
def test_a_losing_stop_counts_and_a_gain_after_charges_begins_anew(trade: Trade, stops: int) -> None:
    owners = Owners()
    assert not owners.on_trade(stopped_out(-1), OPEN_NS, None)
    assert not owners.on_trade(trade, OPEN_NS, None)
    assert owners.of("bot").stops == stops


def test_forgiving_ends_what_holds_back_and_keeps_what_was_used_of_the_day() -> None:
    owners = Owners()
    owners.on_allowed(request(owner="bot"), OPEN_NS)
    owners.on_reject("bot", OPEN_NS)
    owners.on_trade(stopped_out(-1), OPEN_NS, 1.0)
    owners.on_trade(stopped_out(-1), OPEN_NS, None)
    owners.forgive("bot")
    owners.forgive("nobody")
    facts = told(owners, OPEN_NS)
    assert (facts.entries, facts.rejects, facts.cools_s, facts.orders_today) == (0, 0, 0.0, 1)
    assert owners.of("bot").stops == 0
    assert "nobody" not in owners.tallies


def test_a_new_day_begins_budgets_and_streaks_and_leaves_entries_rejects_and_pauses_to_their_time() -> None:
    owners = Owners()
    owners.on_allowed(request(owner="bot"), OPEN_NS)
    owners.on_reject("bot", OPEN_NS)
    owners.on_trade(stopped_out(-1), OPEN_NS, 1.0)
    owners.on_trade(stopped_out(-1), OPEN_NS, None)
    owners.of("bot").began_units = 7
    owners.roll_day()
    facts, tally = told(owners, OPEN_NS + 1), owners.of("bot")
    assert (facts.orders_today, facts.entries, facts.rejects) == (0, 1, 1)
    assert facts.cools_s > 0.0
    assert (tally.stops, tally.began_units) == (0, None)


def test_orders_of_the_day_are_counted_anew_from_the_store() -> None:
    owners = Owners()
    for _ in range(5):
        owners.on_allowed(request(owner="bot"), OPEN_NS)
        owners.on_reject("bot", OPEN_NS)
    owners.recount(
        [
            an_order(OPEN_NS + 3),
            an_order(OPEN_NS - 1),
            an_order(OPEN_NS),
            an_order(OPEN_NS + 1, S.DENIED),
            an_order(OPEN_NS + 1, owner="external"),
            an_order(OPEN_NS + 2, S.REJECTED, updated_ns=OPEN_NS + 9),
        ],
        OPEN_NS,
    )
    assert set(owners.tallies) == {"bot"}
    assert list(owners.of("bot").entries[KEY]) == [OPEN_NS, OPEN_NS + 2, OPEN_NS + 3]
    assert list(owners.of("bot").rejects) == [OPEN_NS + 9]
    assert owners.of("bot").orders == 3


def test_entries_up_to_the_last_exit_that_filled_count_no_longer() -> None:
    out = {"purpose": Purpose.EXIT, "side": -1}
    owners = Owners()
    owners.recount(
        [
            an_order(OPEN_NS + 1),
            an_order(OPEN_NS + 2, S.FILLED, 10, OPEN_NS + 5, **out),
            an_order(OPEN_NS + 2, S.FILLED, 10, OPEN_NS + 3, **out),
            an_order(OPEN_NS + 5),
            an_order(OPEN_NS + 6),
            an_order(OPEN_NS + 7, S.CANCELLED, 0, OPEN_NS + 8, **out),
            an_order(OPEN_NS + 1, instrument=TCS),
            an_order(OPEN_NS + 1, owner="other"),
        ],
        OPEN_NS,
    )
    assert list(owners.of("bot").entries[KEY]) == [OPEN_NS + 6]
    assert list(owners.of("bot").entries[TCS.key]) == [OPEN_NS + 1]
    assert list(owners.of("other").entries[KEY]) == [OPEN_NS + 1]


def test_only_an_exit_or_a_reversal_that_filled_gets_out() -> None:
    for purpose, filled, is_out in (
        (Purpose.EXIT, 1, True),
        (Purpose.REVERSAL, 5, True),
        (Purpose.EXIT, 0, False),
        (Purpose.ENTRY, 5, False),
    ):
        assert is_turn(an_order(OPEN_NS, filled=filled, purpose=purpose)) is is_out


def test_what_orders_do_not_tell_outlives_a_restart_and_of_yesterday_only_a_pause() -> None:
    owners = Owners()
    owners.of("bot")
    owners.tallies["bot"] = replace(owners.of("bot"), orders=4, quantity=30, stops=2, pauses_until_ns=OPEN_NS, began_units=0)
    owners.of("other").began_units = None
    kept = owners.kept()
    assert kept["bot"] == {"orders": 4, "quantity": 30, "stops": 2, "pauses_until_ns": OPEN_NS, "began_units": 0}
    today, tomorrow = Owners(), Owners()
    today.on_allowed(request(owner="other"), OPEN_NS)
    today.take_up(kept, is_today=True)
    assert today.kept() == kept | {"other": kept["other"] | {"orders": 1, "quantity": 10}}
    tomorrow.take_up(kept, is_today=False)
    assert tomorrow.kept()["bot"] == {"orders": 0, "quantity": 0, "stops": 0, "pauses_until_ns": OPEN_NS, "began_units": None}

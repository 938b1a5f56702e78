"""Whoever runs away is stopped, and stays stopped until a person lets it trade again."""

from __future__ import annotations

from engine.core.model import OrderStatus, Purpose, TradingState
from tests.engine.fakes import TCS
from tests.engine.restraint.benches import Bench

S = OrderStatus


def test_the_sixth_entry_without_an_exit_stops_its_owner_until_a_person_takes_it_back() -> None:
    bench = Bench(entries_without_exit=5)
    assert all(bench.send(owner="bot") for _ in range(5))
    assert bench.send(owner="bot") is None
    assert bench.last.reason == (
        "Expected at most 5 entries into RELIANCE within 5 minutes without an exit, was one more; look at it, then let bot trade again."
    )
    assert [owner for owner, _ in bench.stopped] == ["bot"]
    bench.clock.advance(3_600)
    bench.risk.roll_day()
    assert bench.send(owner="bot", instrument=TCS) is None, "neither time nor the day takes it back"
    assert bench.last.reason.startswith("bot is REDUCING: Expected at most 5 entries")
    assert bench.send(owner="other")
    assert bench.send()
    assert bench.send(-1, owner="bot", purpose=Purpose.EXIT) is None, "there is nothing to get out of"
    assert bench.risk.let_trade("bot", "seen")
    assert not bench.risk.let_trade("bot", "seen")
    assert bench.send(owner="bot")


def test_entries_count_by_instrument_and_only_for_five_minutes_and_an_exit_ends_the_count() -> None:
    bench = Bench(entries_without_exit=2)
    assert bench.send()
    assert bench.send()
    assert bench.send(instrument=TCS)
    bench.clock.advance(300)
    first = bench.send()
    assert first
    assert bench.send()
    bench.desk.quantity_of = lambda key, product, owner: 2  # type: ignore[method-assign]
    out = bench.send(-1, purpose=Purpose.STOP)
    bench.becomes(out, S.OPEN)
    bench.becomes(bench.orders[-1], S.FILLED, filled=1)
    assert bench.send()
    assert bench.send()
    assert bench.send() is None


def test_an_order_in_every_fill_is_stopped_though_reversals_get_out() -> None:
    bench = Bench(strategy_orders=10)
    sent = 0
    while (order := bench.send(1 if sent % 2 else -1, owner="bot", purpose=Purpose.REVERSAL)) is not None and sent < 50:
        sent += 1
        bench.becomes(order, S.FILLED, filled=1)
    assert sent == 10
    assert bench.last.rule == "strategy_orders"
    assert bench.send() is not None, "the hand has no such budget"
    bench.risk.roll_day()
    assert bench.send(owner="bot")


def test_a_strategy_opens_no_more_in_a_day_than_its_quantity() -> None:
    bench = Bench(strategy_quantity=25)
    assert bench.send(owner="bot", quantity=10)
    assert bench.send(-1, owner="bot", quantity=10, instrument=TCS), "all of its instruments together"
    assert bench.send(owner="bot", quantity=6) is None
    assert bench.last.rule == "strategy_quantity"
    assert "at most 25 a day, 20 were asked for by bot already, was 6 more" in bench.last.reason
    assert bench.send(owner="bot", quantity=5), "what was refused counts nothing"
    assert bench.send(owner="bot", quantity=1) is None
    bench.desk.quantity_of = lambda key, product, owner: 15  # type: ignore[method-assign]
    assert bench.send(-1, owner="bot", quantity=15, purpose=Purpose.EXIT), "it gets out whatever it has used"
    assert bench.send(quantity=100) is not None, "the hand has no such budget"
    assert bench.send(owner="other", quantity=25)
    assert bench.risk.status(bench.desk.account_of("")).used["strategy_quantity"] == 25.0
    bench.risk.roll_day()
    assert bench.send(owner="bot", quantity=25)


def test_three_rejects_within_a_minute_stop_the_owner_and_slower_ones_do_not() -> None:
    bench = Bench(broker_rejects=3)
    for _ in range(4):
        bench.becomes(bench.send(owner="slow"), S.REJECTED)
        bench.clock.advance(30.0)
    assert not bench.stopped
    for _ in range(3):
        bench.becomes(bench.send(owner="fast"), S.REJECTED)
    assert bench.stopped == [("fast", "the broker refused 3 of its orders within a minute; see why")]
    assert bench.send(owner="fast") is None
    assert bench.risk.state is TradingState.ACTIVE
    bench.risk.on_order(bench.orders[-1])
    assert len(bench.stopped) == 1, "the same reject told twice is one"


def test_what_others_do_at_the_broker_is_not_counted() -> None:
    bench = Bench(broker_rejects=1)
    bench.becomes(bench.send(owner="external"), S.REJECTED)
    assert not bench.stopped


def test_an_own_limit_that_is_tighter_counts() -> None:
    bench = Bench(broker_rejects=3)
    bench.risk.limit_owner("bot", {"broker_rejects": 1, "strategy_orders": 2})
    bench.becomes(bench.send(owner="bot"), S.REJECTED)
    assert bench.stopped[0][0] == "bot"


def test_changing_an_order_uses_up_no_entry() -> None:
    from engine.core.model import OrderChange

    bench = Bench(entries_without_exit=1, strategy_orders=1)
    order = bench.send(owner="bot", price=100.0)
    assert order is not None
    assert bench.risk.check_change(order, OrderChange(price=101.0)).is_allowed


def test_four_losing_stops_in_a_row_make_a_pause_of_an_hour() -> None:
    bench = Bench(loss_streak=4)
    for rupees in (-1, -1, -1, 5, -1, -1, -1):
        bench.stop_out(rupees)
    assert bench.send(owner="bot"), "a winner begins the count anew"
    bench.stop_out(-1, reason=Purpose.EXIT)
    assert bench.send(owner="bot"), "an exit of one's own is no stop"
    bench.stop_out(-1, reason=Purpose.TRAIL)
    assert bench.send(owner="bot") is None
    assert bench.last.reason == "Expected bot to pause after 4 losing stops in a row, was 60 min too early; wait, or let it trade again."
    assert bench.send(owner="other")
    (pause,) = bench.risk.status(bench.desk.account_of("")).restraints
    assert (pause.owner, pause.control, pause.until_ns) == ("bot", "loss_streak", bench.clock.now_ns() + 3_600 * 10**9)
    bench.clock.advance(3_599)
    assert bench.send(owner="bot") is None
    bench.clock.advance(1)
    assert bench.send(owner="bot")


def test_a_person_ends_a_pause() -> None:
    bench = Bench(loss_streak=1)
    bench.stop_out()
    assert bench.send(owner="bot") is None
    assert bench.risk.let_trade("bot", "seen")
    assert bench.send(owner="bot")

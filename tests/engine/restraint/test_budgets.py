"""What a day may cost: in steps for the account, a part of it for each strategy, and not too much of what was won."""

from __future__ import annotations

import pytest

from engine.core.model import TradingState
from tests.engine.restraint.benches import UNITS, Bench


def test_a_losing_day_warns_then_stops_entries_then_offers_to_close_everything_each_once() -> None:
    bench = Bench(max_daily_loss=3_000)
    for rupees in (-1_999, -2_000, -2_500):
        bench.gains(rupees)
    assert [level for level, _ in bench.told] == ["warning"]
    assert bench.told[0][1] == (
        "The day has lost Rs 2,000 of the Rs 3,000 after which nothing more is opened; trade smaller, or stop for today."
    )
    assert bench.risk.state is TradingState.ACTIVE
    bench.gains(-3_000)
    assert bench.risk.state is TradingState.REDUCING
    bench.gains(-4_000)
    bench.gains(-4_500)
    assert [level for level, _ in bench.told] == ["warning", "critical"]
    assert "hold Flatten" in bench.told[1][1]
    bench.desk.starts[""] = -4_500 * UNITS
    bench.risk.roll_day()
    assert bench.risk.state is TradingState.ACTIVE
    bench.gains(-6_500)
    assert len(bench.told) == 3, "the next day has its own steps"


def test_without_a_limit_there_are_no_steps() -> None:
    bench = Bench(max_drawdown=90)
    bench.gains(-50_000)
    assert not bench.told


def test_too_much_of_a_good_day_given_back_stops_until_the_next_day() -> None:
    bench = Bench(profit_giveback=40)
    bench.gains(900)
    bench.gains(0)
    assert bench.risk.state is TradingState.ACTIVE, "a profit below 1 % of capital is not guarded"
    bench.gains(2_000)
    bench.gains(1_201)
    assert bench.send()
    bench.gains(1_200)
    assert bench.risk.state is TradingState.REDUCING
    assert bench.risk.reason == "40 % of the day's highest profit was given back, of 40 % that may be"
    bench.risk.roll_day()
    assert bench.risk.state is TradingState.ACTIVE


def test_a_strategy_that_lost_its_part_of_the_account_opens_nothing_more_today() -> None:
    bench = Bench(strategy_loss=1)
    assert bench.send(owner="bot")
    assert bench.send(owner="other")
    bench.gains(-999, "bot")
    assert bench.send(owner="bot")
    bench.desk.profits["bot"] = -1_000 * UNITS
    assert bench.send(owner="bot") is None, "also before anybody looked"
    assert bench.last.rule == "strategy_loss"
    bench.risk.look()
    assert bench.stopped == [("bot", "it lost 1.00 % of the account's equity today, of 1 % that it may")]
    assert bench.send(owner="other")
    assert bench.send()
    bench.risk.roll_day()
    bench.desk.starts["bot"] = -1_000 * UNITS
    bench.risk.look()
    assert bench.send(owner="bot"), "yesterday's loss is no reason any more"


def test_the_hand_may_lose_what_the_account_may() -> None:
    bench = Bench(strategy_loss=1)
    assert bench.send()
    bench.gains(-90_000, "hand")
    assert bench.send()


def test_budgets_and_stops_are_shown_with_what_is_used_and_what_ends_them() -> None:
    bench = Bench(strategy_orders=2, strategy_loss=1, loss_streak=4, entries_without_exit=5, broker_rejects=3)
    bench.send(owner="bot")
    bench.send(owner="bot")
    bench.send()
    bench.stop_out()
    bench.gains(-1_500, "bot")
    status = bench.risk.status(bench.desk.account_of(""))
    assert {(b.owner, b.control): (b.used, b.limit) for b in status.budgets} == {
        ("bot", "strategy_orders"): (2.0, 2.0),
        ("bot", "strategy_loss"): (pytest.approx(1.5), 1.0),
        ("bot", "loss_streak"): (1.0, 4.0),
        ("bot", "broker_rejects"): (0.0, 3.0),
        ("hand", "loss_streak"): (0.0, 4.0),
        ("hand", "broker_rejects"): (0.0, 3.0),
    }
    assert status.used["entries_without_exit"] == 2.0
    assert status.used["strategy_orders"] == 2.0
    assert [(r.owner, r.control, r.ends) for r in status.restraints] == [("bot", "strategy_loss", "with the next day")]

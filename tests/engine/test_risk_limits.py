"""Limits by name, what they stop, and what is stopped until when."""

from __future__ import annotations

import math

import pytest

from engine.core.errors import InvalidOption
from engine.core.model import Account, TradingState
from engine.risk_limits import ALWAYS, RETAIL, Latches, Limits, retail_limits

UNITS = 10_000


def account(equity: int = 100_000, day_start: int = 100_000, peak: int = 100_000) -> Account:
    return Account(100_000 * UNITS, 0, equity * UNITS, peak * UNITS, day_start * UNITS, 0, 0, 0)


def test_retail_limits_are_in_proportion_to_the_capital() -> None:
    small, large = retail_limits(100_000 * UNITS), retail_limits(10_000_000 * UNITS)
    assert set(small) == set(RETAIL)
    assert (small["max_daily_loss"], small["max_order_value"], small["max_order_share"]) == (3_000.0, 200_000.0, 20.0)
    assert (large["max_daily_loss"], large["max_order_value"], large["max_order_share"]) == (300_000.0, 200_000.0, 20.0)
    Limits.of(small, ALWAYS)


def test_an_unknown_limit_says_what_was_meant() -> None:
    with pytest.raises(InvalidOption, match='"max_position"; did you mean "max_positions"'):
        Limits.of({"max_position": 3})


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_a_limit_that_is_no_amount_is_refused(value: float) -> None:
    with pytest.raises(InvalidOption, match="Expected max_positions to be 0 or more"):
        Limits.of({"max_positions": value})


def test_rules_that_always_hold_are_asked_first_and_cash_can_be_switched_off() -> None:
    made = Limits.of({"market_hours": 1, "max_positions": 2}, ALWAYS)
    assert [rule.name for rule, *_ in made.plain] == [
        "tick_and_lot", "trading_state", "reduce_only", "short_selling", "square_off_time", "unclear", "armed", "market_hours",
    ]  # fmt: skip
    assert [(rule.name, limit) for rule, limit, _ in made.money] == [("cash", 1.0), ("max_positions", 2)]
    off = Limits.of({"cash": 0.0, "market_hours": 0.0}, ALWAYS)
    assert off.money == []
    assert len(off.plain) == 7
    assert made.given == {"market_hours": 1, "max_positions": 2}


def test_a_lost_day_and_a_drawdown_stop_at_their_limit() -> None:
    limits = Limits.of({"max_daily_loss": 3_000, "max_drawdown": 10})
    assert limits.watch_figures
    assert limits.broken_by(account(97_001)) == {}
    assert limits.broken_by(account(97_000)) == {"max_daily_loss": "the day lost Rs 3,000 of Rs 3,000 that it may"}
    assert list(limits.broken_by(account(90_000, day_start=90_000))) == ["max_drawdown"]
    assert list(limits.broken_by(account(90_000))) == ["max_daily_loss", "max_drawdown"]


def test_figures_are_not_looked_at_where_nothing_hangs_on_them() -> None:
    limits = Limits.of({"max_positions": 1})
    assert not limits.watch_figures
    assert limits.broken_by(account(0)) == {}


def test_the_strictest_stop_holds_until_its_cause_is_over() -> None:
    latches = Latches()
    assert (latches.state, latches.reason) == (TradingState.ACTIVE, "")
    assert latches.set("link", TradingState.REDUCING, "no line")
    assert latches.set("kill", TradingState.HALTED, "killed")
    assert not latches.set("kill", TradingState.HALTED, "killed again"), "it is stopped already"
    assert (latches.state, latches.reason) == (TradingState.HALTED, "killed; no line")
    assert latches.is_stricter_than(Latches())
    assert not Latches().is_stricter_than(latches)
    assert latches.clear("kill")
    assert latches.state is TradingState.REDUCING
    assert not latches.clear("kill")
    assert latches.set("day", TradingState.REDUCING, "lost")
    assert latches.clear_but("link")
    assert latches.reason == "no line"
    assert not latches.clear_but("link")
    assert latches.clear("link")
    assert latches.state is TradingState.ACTIVE

"""A day begins where the last one ended, and goes on over a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from engine.account_days import AccountDays
from engine.core.model import Account, RiskStatus, TradingState
from tests.engine.fakes import OPEN_NS, SECOND_NS

ACCOUNT = Account(100, 90, 95, 110, 98, realised_units=7, unrealised_units=3, charges_units=2, fills=4)


def status(account: Account) -> RiskStatus:
    return RiskStatus(TradingState.REDUCING, "lost", account, denied=5)


def test_a_day_is_india_s() -> None:
    days = AccountDays("paper")
    assert not days.is_over(OPEN_NS), "none has begun"
    days.begin(OPEN_NS, ACCOUNT, 0)
    assert days.day == date(2025, 1, 2)
    assert not days.is_over(OPEN_NS + (14 * 60 + 44) * 60 * SECOND_NS)
    assert days.is_over(OPEN_NS + (14 * 60 + 45) * 60 * SECOND_NS), "midnight in India"


def test_a_row_counts_from_the_day_s_beginning() -> None:
    days = AccountDays("paper")
    days.begin(OPEN_NS, ACCOUNT, orders=10)
    row = days.row(status(replace(ACCOUNT, realised_units=27, charges_units=12, fills=6)), orders=13)
    assert (row.account, row.day, row.start_units, row.end_units, row.peak_units) == ("paper", date(2025, 1, 2), 98, 95, 110)
    assert (row.realised_units, row.unrealised_units, row.charges_units, row.fills, row.orders) == (20, 3, 10, 2, 3)
    assert (row.denied, row.state, row.reason) == (5, "REDUCING", "lost")


def test_a_restart_in_the_day_goes_on_with_its_row() -> None:
    days = AccountDays("paper")
    days.begin(OPEN_NS, ACCOUNT, orders=10)
    now = replace(ACCOUNT, realised_units=27, charges_units=12, fills=6)
    row = days.row(status(now), orders=13)
    again = AccountDays("paper")
    again.begin(OPEN_NS + SECOND_NS, now, orders=13)
    again.go_on(row)
    assert again.row(status(now), orders=13) == row

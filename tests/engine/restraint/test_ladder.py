"""The steps of a losing day, each told once, and how much of a good day is gone again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.model import Account
from engine.restraint.ladder import Ladder
from tests.engine.restraint.benches import UNITS

CAPITAL = 100_000 * UNITS


def account(gained: int, capital: int = CAPITAL) -> Account:
    """Make an account that gained so many rupees today."""
    equity = capital + gained * UNITS
    return Account(capital, equity, equity, equity, capital, 0, 0, 0)


def levels(ladder: Ladder, *gained: int, limit: float = 3_000.0 * UNITS) -> list[str | None]:
    told = [ladder.step(account(rupees), limit) for rupees in gained]
    return [said[1] if said else None for said in told]


def test_each_step_is_told_where_it_begins_and_once() -> None:
    assert levels(Ladder(), 500, 0, -1_999, -2_000, -2_001, -3_999, -4_000, -4_001, -9_000) == (
        [None, None, None, "warning", None, None, "critical", None, None]
    )
    assert levels(Ladder(), -5_000, -2_500, -6_000) == ["critical", None, None], "a fall through both is told as the worse"
    assert levels(Ladder(), -2_500, -5_000) == ["warning", "critical"]


def test_each_step_says_what_was_lost_of_what_may_be_and_what_to_do() -> None:
    lost, limit = replace(account(0), equity_units=CAPITAL - 22_507_000), 30_006_000
    said = "The day has lost Rs 2,251 of the Rs 3,001 after which nothing more is opened"
    assert Ladder().step(lost, limit) == (f"{said}; trade smaller, or stop for today.", "warning")
    ladder = Ladder()
    said = "The day has lost Rs 2,250 of the Rs 3,000 after which nothing more is opened"
    assert ladder.step(account(-2_250), 3_000.0 * UNITS) == (f"{said}; trade smaller, or stop for today.", "warning")
    said = "The day has lost Rs 4,250 of the Rs 3,000 after which nothing more is opened"
    offer = f"{said}, and is still losing. Close everything: hold Flatten (Ctrl+Shift+F) or Kill."
    assert ladder.step(account(-4_250), 3_000.0 * UNITS) == (offer, "critical")


def test_a_day_that_lost_nothing_has_no_steps_even_where_nothing_may_be_lost() -> None:
    assert levels(Ladder(), 0, 100, limit=0.0) == [None, None]
    ladder = Ladder()
    assert ladder.step(Account(CAPITAL, CAPITAL, CAPITAL - 1, CAPITAL, CAPITAL, 0, 0, 0), 0.0), "a hundredth of a paisa is a loss"


def test_without_a_limit_nothing_is_told() -> None:
    assert levels(Ladder(), -90_000, limit=float("nan")) == [None]


def test_the_next_day_has_its_own_steps_and_a_restart_goes_on_with_this_one() -> None:
    ladder = Ladder()
    assert levels(ladder, -2_000) == ["warning"]
    ladder.note(account(700))
    again = Ladder()
    again.take_up(ladder.kept())
    assert again.kept() == {"peak_units": 700 * UNITS, "told": 1}
    assert levels(again, -2_000, -4_000) == [None, "critical"]
    ladder.roll_day()
    assert ladder.kept() == {"peak_units": 0, "told": 0}
    assert levels(ladder, -2_000) == ["warning"]


@pytest.mark.parametrize(
    ("best", "now", "gone"),
    [
        (2_000, 2_000, 0.0),
        (2_000, 1_500, 25.0),
        (1_500, 1_000, 100 / 3),
        (2_000, 0, 100.0),
        (2_000, -1_000, 150.0),
        (1_500, 1_800, 0.0),
        (1_000, 600, 40.0),
        (999, 0, 0.0),
        (0, -5_000, 0.0),
    ],
)
def test_what_is_given_back_is_a_part_of_the_days_best_from_one_percent_of_capital_on(best: int, now: int, gone: float) -> None:
    ladder = Ladder()
    for rupees in (best, now, 0):
        ladder.note(account(rupees))
    assert ladder.given_back_pct(account(now)) == pytest.approx(gone)


def test_without_capital_and_without_profit_nothing_is_given_back() -> None:
    assert Ladder().given_back_pct(account(0, capital=0)) == 0.0
    ladder = Ladder()
    ladder.note(account(4, capital=0))
    assert ladder.given_back_pct(account(1, capital=0)) == 75.0
    ladder = Ladder()
    ladder.take_up({"peak_units": 1, "told": 0})
    assert ladder.given_back_pct(account(0, capital=0)) == 100.0

"""The trader's limits over restarts and over versions: what was switched off stays off, what nobody knew of holds and is told."""

from __future__ import annotations

import pytest

from engine.core.model import to_units
from engine.kept_limits import KNOWN, LIMITS, KeptLimits
from engine.risk_limits import RETAIL, retail_limits

CAPITAL = to_units(500_000)
USUAL = retail_limits(CAPITAL)


def test_without_limits_of_the_trader_the_usual_ones_go_by_the_capital() -> None:
    for settings in ({}, {LIMITS: None}, {KNOWN: ["spread"]}):
        kept = KeptLimits()
        assert kept.read(settings, CAPITAL) == USUAL
        assert (kept.are_own, kept.change, kept.said) == (False, {}, "")


def test_what_was_known_and_is_missing_was_switched_off_and_stays_so() -> None:
    limits, known = KeptLimits.rows({"max_daily_loss": 900.0})
    kept = KeptLimits()
    assert kept.read({limits.name: limits.value, known.name: known.value}, CAPITAL) == {"max_daily_loss": 900.0}
    assert (kept.are_own, kept.change, kept.said) == (True, {}, "")


@pytest.mark.parametrize("settings", [{}, {KNOWN: None}, {KNOWN: "spread"}])
def test_what_limits_of_before_the_list_do_not_name_holds_once_and_can_be_switched_off_for_good(settings: dict[str, object]) -> None:
    kept = KeptLimits()
    holds = kept.read({LIMITS: {"max_daily_loss": 900.0}, **settings}, CAPITAL)
    assert holds == USUAL | {"max_daily_loss": 900.0}
    assert kept.are_own
    assert "max_daily_loss" not in kept.change["now"]
    assert kept.change["now"]["spread"] == [None, USUAL["spread"]]
    assert kept.said.startswith("Your limits do not say what you switched off: controls that they do not name hold by their usual limits: ")
    del holds["spread"]
    again = KeptLimits()
    assert again.read({row.name: row.value for row in kept.rows(holds)}, CAPITAL) == holds
    assert (again.change, again.said) == ({}, "")


def test_a_control_that_nobody_knew_of_holds_by_its_usual_limit_and_is_told_once() -> None:
    kept = KeptLimits()
    known = [name for name in RETAIL if name not in ("spread", "loss_streak", "price_collar")]
    holds = kept.read({LIMITS: {"max_daily_loss": 900.0, "price_collar": 1.5}, KNOWN: known}, CAPITAL)
    assert holds == {"max_daily_loss": 900.0, "price_collar": 1.5, "spread": USUAL["spread"], "loss_streak": USUAL["loss_streak"]}
    assert kept.change == {
        "now": {"spread": [None, USUAL["spread"]], "loss_streak": [None, USUAL["loss_streak"]]},
        "later": {},
        "limits": holds,
    }
    assert kept.said == "New controls hold by their usual limits: spread, loss_streak; change them in the risk settings."
    again = KeptLimits()
    assert again.read({row.name: row.value for row in kept.rows(holds)}, CAPITAL) == holds
    assert not again.change


def test_a_limit_of_a_control_that_is_no_more_is_let_go_and_told() -> None:
    kept = KeptLimits()
    settings = {LIMITS: {"max_daily_loss": 900.0, "phase_of_the_moon": 1.0}, KNOWN: list(RETAIL)}
    assert kept.read(settings, CAPITAL) == {"max_daily_loss": 900.0}
    assert kept.change["now"] == {"phase_of_the_moon": [1.0, None]}
    assert kept.said == "Limits that no control looks at any more were let go: phase_of_the_moon."

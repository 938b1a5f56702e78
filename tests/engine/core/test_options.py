"""Settings are parsed once, and a mistake in one says what was expected."""

from __future__ import annotations

import math

import pytest

from engine.core.errors import InvalidOption
from engine.core.options import Option, parse

RISK = (
    Option("capital", 100_000.0, "Money to trade with", low=1.0, unit="rupees"),
    Option("max_positions", 3, low=1, high=50),
    Option("max_daily_loss", 0.0, high=1e9, is_optional=True),
    Option("is_armed", False),
    Option("mode", "paper", choices=("paper", "live")),
    Option("symbols", ()),
    Option("name", "", is_required=True),
)


def test_defaults_fill_what_was_not_given() -> None:
    assert parse(RISK, {"name": " EMA "}, "risk_config") == {
        "capital": 100_000.0,
        "max_positions": 3,
        "max_daily_loss": 0.0,
        "is_armed": False,
        "mode": "paper",
        "symbols": (),
        "name": "EMA",
    }


@pytest.mark.parametrize(
    ("name", "given", "parsed"),
    [
        ("capital", "250000", 250_000.0),
        ("capital", 5, 5.0),
        ("max_positions", "7", 7),
        ("max_positions", 7.0, 7),
        ("max_daily_loss", None, None),
        ("is_armed", "Yes", True),
        ("is_armed", "off", False),
        ("is_armed", True, True),
        ("mode", "live", "live"),
        ("symbols", "INFY, TCS,", ("INFY", "TCS")),
        ("symbols", ["INFY", "TCS"], ("INFY", "TCS")),
    ],
)
def test_values_take_the_kind_of_the_default(name: str, given: object, parsed: object) -> None:
    value = parse(RISK, {"name": "x", name: given}, "risk_config")[name]
    assert value == parsed
    assert type(value) is type(parsed)


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("capital", "lots", "Expected capital to be a number of 1 or more (rupees), was 'lots'; change it and try again."),
        ("capital", 0, "Expected capital to be a number of 1 or more (rupees), was 0; change it and try again."),
        ("capital", math.nan, "Expected capital to be a number of 1 or more (rupees), was nan; change it and try again."),
        ("capital", True, "Expected capital to be a number of 1 or more (rupees), was True; change it and try again."),
        ("max_positions", 2.5, "Expected max_positions to be a whole number from 1 to 50, was 2.5; change it and try again."),
        ("max_positions", None, "Expected max_positions to be a whole number from 1 to 50, was None; change it and try again."),
        ("max_daily_loss", 1e10, "Expected max_daily_loss to be a number of 1e+09 or less, was 10000000000.0; change it and try again."),
        ("is_armed", "maybe", "Expected is_armed to be true or false, was 'maybe'; change it and try again."),
        ("mode", "liv", 'Expected mode to be one of paper, live, was "liv"; did you mean "live"?'),
        ("mode", 3, "Expected mode to be one of paper, live, was 3; change it and try again."),
        ("symbols", 3, "Expected symbols to be a list of words, was 3; change it and try again."),
        ("name", 3, "Expected name to be text, was 3; change it and try again."),
    ],
)
def test_a_bad_value_says_what_was_expected(name: str, given: object, sentence: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        parse(RISK, {"name": "x", name: given}, "risk_config")
    assert str(caught.value) == sentence


def test_an_unknown_name_says_what_was_meant() -> None:
    with pytest.raises(InvalidOption, match=r'Unknown "max_position" in risk_config; did you mean "max_positions"\?'):
        parse(RISK, {"name": "x", "max_position": 3}, "risk_config")


def test_a_missing_required_one_is_named() -> None:
    with pytest.raises(InvalidOption, match=r"Expected name in strategy_config \(text\), was not there; add it\."):
        parse(RISK, {}, "strategy_config")


def test_a_list_of_words_may_be_held_to_some() -> None:
    option = Option("where", ("window",), choices=("window", "sound"))
    assert option.parse("sound, window") == ("sound", "window")
    assert option.parse(()) == ()
    assert option.expected == "any of window, sound"
    with pytest.raises(InvalidOption, match='any of window, sound, was "sund"'):
        option.parse(["sund"])

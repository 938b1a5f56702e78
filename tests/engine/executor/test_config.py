"""The dicts of the public API, parsed once, with a helpful word for every mistake."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import InvalidOption, TradingError, UnknownTemplate
from engine.core.model import Product
from engine.core.sizing import FIXED, RISK
from engine.executor.config import check_mode, parse_strategy

STRATEGY = {
    "name": "EMA Crossover",
    "strategy_type": "ema_crossover",
    "symbols": ["RELIANCE", "BSE:TCS", "reliance"],
    "parameters": {"fast_ema": 9, "slow_ema": 21, "scan_interval": 5},
}
RISK_CONFIG = {"capital": 100000, "max_risk_per_trade": 1.0, "max_position_size": 10.0, "max_daily_loss": 3000, "max_positions": 3}


def test_the_dicts_of_a_script_become_one_frozen_record() -> None:
    config = parse_strategy(STRATEGY, RISK_CONFIG)
    assert (config.id, config.name, config.strategy_type) == ("ema-crossover", "EMA Crossover", "ema_crossover")
    assert config.template is not None
    assert config.template.name == "ema_crossover"
    assert config.keys == ("NSE:RELIANCE", "BSE:TCS")
    assert (config.interval_s, config.product, config.sizing.mode) == (300, Product.MIS, RISK)
    assert (config.capital_units, config.risk_pct, config.max_position_pct) == (1_000_000_000, 1.0, 10.0)
    assert config.limits == {"max_position_size": 10.0, "max_daily_loss": 3000.0, "max_positions": 3.0}
    assert config.parameters == {"fast_ema": 9, "slow_ema": 21, "stop": 0, "target": 0, "warmup": 0}


def test_what_is_left_out_has_its_default_and_the_rest_can_be_given() -> None:
    config = parse_strategy(
        {"name": "x", "strategy_type": "callback", "symbols": "SBIN", "exchange": "BSE", "sizing": "fixed:7", "product": "CNC",
         "scan_interval": 3, "parameters": {"anything": "2.5"}},
        strategy_id="My 2nd!",
    )  # fmt: skip
    assert (config.id, config.keys, config.interval_s, config.product) == ("my-2nd", ("BSE:SBIN",), 180, Product.CNC)
    assert (config.sizing.mode, config.sizing.fixed, config.template) == (FIXED, 7, None)
    assert config.parameters == {"anything": 2.5}
    assert (config.capital_units, config.risk_pct, config.max_position_pct, config.limits) == (1_000_000_000, 0.0, 0.0, {})


def test_times_at_which_it_leaves() -> None:
    config = parse_strategy({**STRATEGY, "exit_after": 7.5, "exit_at": "15:10"}, RISK_CONFIG)
    assert (config.exit_after_s, config.exit_at_min) == (450.0, 910)
    config = parse_strategy(STRATEGY, RISK_CONFIG)
    assert (config.exit_after_s, config.exit_at_min) == (0.0, None)


@pytest.mark.parametrize(
    ("change", "risk", "error", "words"),
    [
        ({"symbls": ["A"]}, {}, InvalidOption, 'did you mean "symbols"'),
        ({"parmeters": {}}, {}, InvalidOption, 'did you mean "parameters"'),
        ({"strategy_type": "ema_crosover"}, {}, UnknownTemplate, 'did you mean "ema_crossover"'),
        ({"parameters": {"fast_em": 9}}, {}, InvalidOption, 'did you mean "fast_ema"'),
        ({"parameters": {"fast_ema": 1}}, {}, InvalidOption, "from 2 to 200, was 1"),
        ({"parameters": {"scan_interval": 0}}, {}, InvalidOption, "from 1 to 1440"),
        ({"parameters": {"scan_interval": 2}, "scan_interval": 3}, {}, InvalidOption, "scan_interval once"),
        ({"parameters": 5}, {}, InvalidOption, "parameters to be a dict, was int"),
        ({"symbols": []}, {}, InvalidOption, "at least one of symbols"),
        ({"product": "NRLM"}, {}, InvalidOption, 'did you mean "NRML"'),
        ({"sizing": "fixed:0"}, {}, InvalidOption, "fixed:N"),
        ({"exit_at": "25:10"}, {}, InvalidOption, 'such as 15:10, was "25:10"'),
        ({"exit_after": -1}, {}, InvalidOption, "exit_after"),
        ({"name": "hand"}, {}, InvalidOption, "choose another"),
        ({"name": "---"}, {}, InvalidOption, "choose another"),
        ({}, {"captal": 5}, InvalidOption, 'did you mean "capital"'),
        ({}, {"max_daily_los": 5}, InvalidOption, 'did you mean "max_daily_loss"'),
        ({}, {"max_daily_loss": -5}, InvalidOption, "0 or more"),
        ({}, {"max_positions": float("nan")}, InvalidOption, "max_positions"),
        ({}, {"capital": 0}, InvalidOption, "capital"),
    ],
)
def test_each_mistake_is_refused_with_what_was_expected(
    change: dict[str, Any], risk: dict[str, Any], error: type[TradingError], words: str
) -> None:
    with pytest.raises(error, match=words):
        parse_strategy({**STRATEGY, **change}, {**RISK_CONFIG, **risk})


def test_a_missing_name_and_a_missing_measure_of_size_are_told() -> None:
    with pytest.raises(InvalidOption, match="Expected name in strategy_config"):
        parse_strategy({"strategy_type": "ema_crossover", "symbols": ["A"]}, RISK_CONFIG)
    with pytest.raises(InvalidOption, match="was neither"):
        parse_strategy(STRATEGY, {"capital": 5})
    with pytest.raises(InvalidOption, match="strategy_config to be a dict"):
        parse_strategy([], RISK_CONFIG)  # type: ignore[arg-type]


def test_the_mode_is_paper_or_live() -> None:
    assert [check_mode(mode) for mode in ("paper", "live")] == ["paper", "live"]
    with pytest.raises(InvalidOption, match='did you mean "paper"'):
        check_mode("papr")

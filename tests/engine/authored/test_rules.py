"""Strategies made of rules: what they trade, and that whatever makes no sense is refused with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.authored.rules import MOST_CONDITIONS, parse_rules, rules_template
from engine.backtest import run_backtest
from engine.core.errors import InvalidOption
from engine.core.model import Exchange, Instrument, Product
from engine.core.records import BAR, Rows
from engine.core.registry import TEMPLATES
from engine.executor.config import parse_strategy

SHARE = Instrument(Exchange.NSE, "RELIANCE", 1)
OPEN_NS = 1_761_709_500_000_000_000  # 2025-10-29 09:15 IST
MINUTE_NS = 60_000_000_000
CROSS = {"left": {"indicator": "ema", "period": 3}, "is": "crosses_above", "right": {"indicator": "ema", "period": 8}}


def bars_of(closes: list[float]) -> Rows:
    rows: Rows = np.zeros(len(closes), dtype=BAR)
    rows["time_ns"] = OPEN_NS + MINUTE_NS * np.arange(len(closes))
    rows["session_minute"] = np.arange(len(closes))
    rows["open"] = np.concatenate([closes[:1], closes[:-1]])
    rows["close"] = closes
    rows["high"], rows["low"] = np.maximum(rows["open"], closes), np.minimum(rows["open"], closes)
    rows["volume"] = 100
    return rows


def fills(rules: dict[str, Any], closes: list[float]) -> list[tuple[int, int, float, str]]:
    result = run_backtest(rules_template(rules), {SHARE: bars_of(closes)}, sizing="fixed:1", product=Product.NRML)
    return [((f.time_ns - OPEN_NS) // MINUTE_NS, int(f.side) * f.quantity, f.price, str(f.purpose)) for f in result.fills()]


def test_a_price_above_a_number_buys_and_below_another_leaves_at_the_next_open() -> None:
    rules = {"buy": {"left": "close", "is": "above", "right": 101}, "exit": {"left": "close", "is": "below", "right": 99}}
    assert fills(rules, [100, 102, 103, 98, 97, 97]) == [(2, 1, 102.0, "entry"), (4, -1, 98.0, "exit")]


def test_crossings_trade_as_the_template_of_the_same_averages_does() -> None:
    rng = np.random.default_rng(7)
    closes = np.round(100 + np.cumsum(rng.normal(0, 0.5, 600)), 2).tolist()
    rules = {
        "buy": {"left": {"indicator": "ema", "period": 9}, "is": "crosses_above", "right": {"indicator": "ema", "period": 21}},
        "sell": {"left": {"indicator": "ema", "period": 9}, "is": "crosses_below", "right": {"indicator": "ema", "period": 21}},
    }
    template = TEMPLATES.get("ema_crossover")
    result = run_backtest(template, {SHARE: bars_of(closes)}, {"warmup": 1}, sizing="fixed:1", product=Product.NRML)
    expected = [((f.time_ns - OPEN_NS) // MINUTE_NS, int(f.side) * f.quantity, f.price, str(f.purpose)) for f in result.fills()]
    assert len(expected) > 10
    assert fills(rules, closes) == expected


def test_stops_and_targets_are_percent_of_the_close() -> None:
    rules = {"buy": {"left": "close", "is": "above", "right": 101}, "stop_pct": 1, "target_pct": 2}
    assert fills(rules, [100, 102, 102, 95, 95]) == [(2, 1, 102.0, "entry"), (3, -1, 101.0, "stop")]
    assert fills(rules, [100, 102, 102, 110, 100])[:2] == [(2, 1, 102.0, "entry"), (3, -1, 104.05, "target")]


def test_all_any_and_hours_join_conditions() -> None:
    above = {"left": "close", "is": "above", "right": 101}
    early = {"between": ["09:15", "09:16"]}
    assert fills({"buy": {"all": [above, early]}}, [102, 102, 102, 102]) == [(1, 1, 102.0, "entry")]
    assert fills({"buy": {"all": [above, {"between": ["09:18", "09:30"]}]}}, [102, 102, 102, 102]) == [(3, 1, 102.0, "entry")]
    assert fills({"buy": {"any": [{"left": "close", "is": "below", "right": 1}, above]}}, [100, 102, 102]) == [(2, 1, 102.0, "entry")]


def test_a_further_output_of_an_indicator_can_be_crossed() -> None:
    lower = {"indicator": "bollinger", "output": "lower", "period": 5, "width": 1.0}
    rules = {"buy": {"left": "close", "is": "crosses_below", "right": lower}}
    assert fills(rules, [100, 101, 100, 101, 100, 101, 90, 90]) == [(7, 1, 90.0, "entry")]


def test_an_exit_goes_before_an_entry() -> None:
    up = {"left": "close", "is": "above", "right": 1}
    assert fills({"buy": up, "exit": up}, [100, 100, 100]) == []


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([], "Expected rules to be an object"),
        ({"by": CROSS}, 'Unknown "by" in rules; did you mean "buy"'),
        ({"exit": CROSS}, "Expected buy or sell"),
        ({"buy": 1}, "Expected a condition at buy"),
        ({"buy": {}}, "at buy, was nothing"),
        ({"buy": {"left": "close", "is": "above"}}, "Expected left, is and right"),
        ({"buy": {"left": "close", "is": "over", "right": 1}}, "Expected is at buy"),
        ({"buy": {"left": "clos", "is": "above", "right": 1}}, 'at buy.left, was "clos"; did you mean "close"'),
        ({"buy": {"left": True, "is": "above", "right": 1}}, "Expected a number, a price or an indicator at buy.left"),
        ({"buy": {"left": None, "is": "above", "right": 1}}, "Expected a number, a price or an indicator at buy.left"),
        ({"buy": {"left": float("inf"), "is": "above", "right": 1}}, "buy.left"),
        ({"buy": {"left": {"indicator": "emma"}, "is": "above", "right": 1}}, 'Unknown indicator "emma"; did you mean "ema"'),
        ({"buy": {"left": {"indicator": "ema", "length": 3}, "is": "above", "right": 1}}, 'Unknown parameter "length" of ema'),
        ({"buy": {"left": {"indicator": "ema", "output": "top"}, "is": "above", "right": 1}}, "Expected output of ema"),
        ({"buy": {"all": []}}, "Expected a list of conditions at buy.all"),
        ({"buy": {"all": [CROSS, 3]}}, r"at buy.all\[1\]"),
        ({"buy": {"between": ["9", "10:00"]}}, "Expected two times of the day"),
        ({"buy": {"between": ["15:00", "09:20"]}}, "the earlier first"),
        ({"buy": CROSS, "stop_pct": -1}, "Expected stop_pct"),
        ({"buy": {"all": [CROSS] * (MOST_CONDITIONS + 1)}}, f"at most {MOST_CONDITIONS} conditions"),
        ({"buy": {"all": [{"all": [{"all": [{"all": [{"all": [CROSS]}]}]}]}]}}, "4 deep"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(given: object, match: str) -> None:
    with pytest.raises(InvalidOption, match=match):
        parse_rules(given)


def test_a_custom_strategy_without_rules_is_the_ema_crossover() -> None:
    config = parse_strategy({"name": "x", "strategy_type": "custom", "symbols": ["TCS"], "sizing": "fixed:1"})
    assert config.template is TEMPLATES.get("ema_crossover")
    config = parse_strategy({"name": "x", "strategy_type": "custom", "symbols": ["TCS"], "sizing": "fixed:1", "rules": {"buy": CROSS}})
    assert config.template is not None
    assert config.template.title == "Custom rules"
    with pytest.raises(InvalidOption, match="Expected rules only of a strategy of type custom"):
        parse_strategy({"name": "x", "strategy_type": "rsi", "symbols": ["TCS"], "sizing": "fixed:1", "rules": {"buy": CROSS}})

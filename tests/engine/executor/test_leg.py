"""One symbol of a strategy: what its template or the user's function wants, checked before anybody acts on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.authored.classes import StrategyFault
from engine.core.model import Exchange, Instrument, Quote
from engine.core.records import BAR, Row, Rows, fields
from engine.core.registry import Template
from engine.executor.config import StrategyConfig, parse_strategy
from engine.executor.leg import Leg, Wish

RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
QUOTE = Quote(RELIANCE, last_price=100.0, bid=99.95, ask=100.05, volume=7)


def config_of(on_bar: Any = None, product: str = "MIS") -> StrategyConfig:
    config = parse_strategy(
        {"name": "x", "strategy_type": "callback", "symbols": ["RELIANCE"], "sizing": "fixed:3", "product": product}, {}
    )
    if on_bar is None:
        return config
    from dataclasses import replace

    return replace(config, template=Template("x", "X", (), fields("count"), fields(), on_bar))


def bar(close: float = 100.0, time_ns: int = 60) -> Row:
    rows: Rows = np.zeros(1, dtype=BAR)
    rows["close"], rows["time_ns"] = close, time_ns
    return rows[0]


def wishes(wish: Wish) -> dict[str, float]:
    return {name: value for name, value in wish._asdict().items() if not math.isnan(value)}


def test_the_template_sees_bar_by_bar_with_its_own_memory_and_a_clean_intent() -> None:
    def on_bar(state: Any, params: Any, bar: Row, intent: Row) -> None:
        state[0] += 1
        if state[0] == 2:
            intent.target, intent.stop = 1.0, bar.close - 5

    leg = Leg(config_of(on_bar), RELIANCE, 0)
    assert wishes(leg.decide(bar())) == {}
    assert wishes(leg.decide(bar(110, 120))) == {"target": 1, "stop": 105}
    assert wishes(leg.decide(bar())) == {}
    assert leg.decided_ns == 60
    assert (leg.sizing.fixed, leg.can_short) == (3, True)
    assert not Leg(config_of(on_bar, "CNC"), RELIANCE, 0).can_short


@pytest.mark.parametrize(("field", "value"), [("target", math.inf), ("stop", -1.0), ("stop", math.inf), ("limit", 0.0), ("trail", 0.0)])
def test_a_wish_that_cannot_be_is_a_fault(field: str, value: float) -> None:
    def on_bar(state: Any, params: Any, bar: Row, intent: Row) -> None:
        intent[field] = value

    with pytest.raises(StrategyFault, match=field):
        Leg(config_of(on_bar), RELIANCE, 0).decide(bar())


def test_without_template_and_function_nobody_decides() -> None:
    with pytest.raises(StrategyFault, match="set_signal_callback"):
        Leg(config_of(), RELIANCE, 0).decide(bar())


@pytest.mark.parametrize(
    ("answer", "held", "expected"),
    [
        (None, 0, {}),
        ({"action": "HOLD", "price": 5}, 0, {}),
        ({"action": "buy"}, 0, {"target": 1}),
        ({"action": "BUY", "price": 99, "stop_loss": 95.5, "target": np.float64(110)}, 3,
         {"target": 1, "limit": 99, "stop": 95.5, "profit": 110}),
        ({"action": "BUY"}, -3, {"target": 0}),
        ({"action": "SELL", "symbol": "RELIANCE", "exchange": "NSE"}, 0, {"target": -1}),
        ({"action": "SELL", "price": None}, 3, {"target": 0}),
        ({"action": "EXIT"}, 3, {"target": 0}),
    ],
)  # fmt: skip
def test_a_function_opens_from_flat_and_closes_what_is_against_it(
    answer: dict[str, Any] | None, held: int, expected: dict[str, float]
) -> None:
    seen: list[tuple[Any, ...]] = []

    def callback(*args: Any) -> dict[str, Any] | None:
        seen.append(args)
        return answer

    leg = Leg(config_of(), RELIANCE, 0)
    assert wishes(leg.decide_by(callback, bar(time_ns=180), QUOTE, held)) == expected
    symbol, exchange, quote, has_position = seen[0]
    assert (symbol, exchange, has_position) == ("RELIANCE", "NSE", held != 0)
    assert type(exchange) is str
    assert (quote["last_price"], quote["bid"], quote["ask"], quote["volume"]) == (100.0, 99.95, 100.05, 7)
    assert leg.decided_ns == 180


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("BUY", "dict or None, was str"),
        ({"action": "BYE"}, "one of BUY, SELL, EXIT, HOLD, was 'BYE'"),
        ({}, "action"),
        ({"action": "BUY", "stoploss": 5}, "'stoploss'"),
        ({"action": "BUY", "symbol": "TCS"}, "for NSE:RELIANCE"),
        ({"action": "BUY", "price": "99"}, "price to be a price"),
        ({"action": "BUY", "stop_loss": math.nan}, "stop_loss to be a price"),
        ({"action": "BUY", "target": True}, "target to be a price"),
        ({"action": "BUY", "price": -1}, "limit above zero"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_fault(answer: Any, words: str) -> None:
    with pytest.raises(StrategyFault, match=words):
        Leg(config_of(), RELIANCE, 0).decide_by(lambda *_: answer, bar(), QUOTE, 0)

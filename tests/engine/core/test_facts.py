"""What a rule is told of an order: whether it opens something, and the price by which it is valued."""

from __future__ import annotations

import dataclasses
import math

import pytest

from engine.core.facts import PROTECTIVE, Facts
from engine.core.model import Exchange, Instrument, OrderRequest, Purpose, Side, TradingState

SHARE = Instrument(Exchange.NSE, "TCS", 1)


@pytest.mark.parametrize("purpose", Purpose)
def test_entries_and_reversals_open_and_nothing_else_does(purpose: Purpose) -> None:
    facts = Facts(OrderRequest(SHARE, Side.BUY, 1, purpose=purpose))
    assert facts.opens == (purpose in (Purpose.ENTRY, Purpose.REVERSAL))
    assert not (facts.opens and purpose in PROTECTIVE)


def test_a_value_is_reckoned_by_the_order_s_own_price_before_the_market_s() -> None:
    def price(**fields: float) -> float:
        return Facts(OrderRequest(SHARE, Side.BUY, 1, **fields), last_price=9.0).price  # type: ignore[arg-type]

    assert price(price=1.0, trigger_price=2.0, reference_price=3.0) == 1.0
    assert price(trigger_price=2.0, reference_price=3.0) == 2.0
    assert price(reference_price=3.0) == 3.0
    assert price() == 9.0


def test_what_nobody_tells_speaks_neither_for_nor_against_an_order() -> None:
    facts = Facts(OrderRequest(SHARE, Side.BUY, 1))
    said = {
        "state": TradingState.ACTIVE,
        "is_open": True,
        "is_armed": True,
        "stopped": "The account",
        "quote_age_s": math.inf,
    }
    for name, value in said.items():
        assert getattr(facts, name) == value, name
    assert math.isnan(facts.spread_pct)
    assert math.isnan(facts.margin_pct)
    for field in dataclasses.fields(Facts):
        if field.name not in {*said, "spread_pct", "margin_pct", "request", "opens"}:
            assert not getattr(facts, field.name), field.name

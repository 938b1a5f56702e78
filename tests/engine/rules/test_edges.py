"""Edges of rules that one unit more or less does not show: other limits, other lots, odd counts, values far off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.facts import Facts
from engine.core.model import InstrumentKind, OrderRequest, Purpose
from engine.core.registry import RULES
from engine.rules.market_protection import protection_pct
from tests.engine.fakes import RELIANCE, request

OPTION = replace(RELIANCE, kind=InstrumentKind.CALL, lot_size=10, has_derivatives=False)


def refuses(name: str, wanted: OrderRequest, limit: float | None = None, **given: Any) -> bool:
    rule, facts = RULES.get(name), Facts(wanted)
    for field, value in given.items():
        setattr(facts, field, value)
    answer = rule.check(facts, rule.limit if limit is None else limit)
    assert answer in (0, rule.code)
    return bool(answer)


def test_a_first_session_of_two_lots_holds_two_lots() -> None:
    def refused(quantity: int) -> bool:
        wanted = request(1, quantity, instrument=replace(RELIANCE, lot_size=65))
        return refuses("first_session_lots", wanted, 2.0, is_first_session=True)

    assert not refused(65)
    assert not refused(130)
    assert refused(131)
    assert refused(195)


def test_a_pause_that_is_over_stops_nobody() -> None:
    assert not refuses("loss_streak", request(), cools_s=-1.0)


@pytest.mark.parametrize(("price", "pct"), [(0.05, 5.0), (99.95, 5.0), (100.0, 2.0), (350.0, 2.0)])
def test_only_a_cheap_option_is_protected_widely(price: float, pct: float) -> None:
    assert protection_pct(OPTION, price) == pct
    assert protection_pct(RELIANCE, price) == 2.0


@pytest.mark.parametrize(("name", "field"), [("max_open_orders", "open_orders"), ("max_open_orders_symbol", "open_orders_here")])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_as_many_orders_work_as_the_limit_says(name: str, field: str, limit: int) -> None:
    for working in range(10):
        assert refuses(name, request(), float(limit), **{field: working}) == (working >= limit)
        assert not refuses(name, request(-1, purpose=Purpose.EXIT), float(limit), **{field: working})

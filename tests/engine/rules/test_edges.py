"""Edges of rules that one unit more or less does not show: other limits, other lots, odd counts, values far off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.facts import Facts
from engine.core.model import InstrumentKind, OrderRequest, OrderType, Product, Purpose
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


@pytest.mark.parametrize(
    ("name", "field", "limit", "first"),
    [
        # rule, what it counts, its limit, the first count that it refuses
        ("message_rate", "messages", 8.0, 6),
        ("message_rate", "messages", 5.0, 3),
        ("messages_a_minute", "messages_minute", 7.0, 7),
        ("messages_a_day", "messages_today", 10.0, 5),
        ("messages_a_day", "messages_today", 7.0, 4),
        ("entries_without_exit", "entries", 5.0, 5),
        ("broker_rejects", "rejects", 3.0, 3),
        ("strategy_orders", "orders_today", 4.0, 4),
        ("max_open_orders", "open_orders", 7.0, 7),
        ("max_open_orders", "open_orders", 4.0, 4),
        ("max_open_orders_symbol", "open_orders_here", 3.0, 3),
        ("max_open_orders_symbol", "open_orders_here", 2.0, 2),
        ("duplicate_order", "repeats_soon", 3.0, 1),
        ("short_option", "uncovered", 1.0, 1),
    ],
)
def test_a_rule_that_counts_refuses_from_its_limit_on(name: str, field: str, limit: float, first: int) -> None:
    for count in range(3 * first + 10):
        assert refuses(name, request(), limit, **{field: count}) == (count >= first)
        assert not refuses(name, request(-1, purpose=Purpose.EXIT), limit, **{field: count})


def test_more_cover_than_is_sold_covers() -> None:
    assert not refuses("short_option", request(), uncovered=-5)


@pytest.mark.parametrize(("limit", "units", "passes"), [(700.0, 399, True), (700.0, 400, True), (700.0, 401, False), (699.99, 400, False)])
def test_open_orders_are_worth_quantity_times_price_on_top_of_what_works(limit: float, units: int, passes: bool) -> None:
    facts = {"each_units": 30 * 10_000, "open_units": units * 10_000}
    assert refuses("max_open_value", request(), limit, **facts) is not passes


@pytest.mark.parametrize("is_live", [False, True])
def test_only_shares_sold_short_for_longer_than_a_day_are_refused(is_live: bool) -> None:
    def refused(product: Product, side: int = -1, kind: InstrumentKind = InstrumentKind.EQUITY, **more: Any) -> bool:
        wanted = request(side, 10, product=product, instrument=replace(RELIANCE, kind=kind), **more.pop("order", {}))
        return refuses("short_selling", wanted, is_live=is_live, **more)

    assert refused(Product.NRML) is is_live
    assert refused(Product.NRML, kind=InstrumentKind.CALL) is False
    assert refused(Product.CNC, kind=InstrumentKind.CALL) is True
    assert not refused(Product.MIS)
    assert not refused(Product.CNC, side=1, held=-50)
    assert not refused(Product.CNC, held=10)
    assert not refused(Product.CNC, held=30)
    assert refused(Product.CNC, held=-30)
    assert refused(Product.CNC, held=12, entering=-3)
    assert not refused(Product.CNC, held=13, entering=-3)
    assert refused(Product.CNC, held=9, entering=5), "what is on its way to be bought may never come"
    assert not refused(Product.CNC, order={"purpose": Purpose.EXIT}), "that an exit opens nothing is for reduce_only to judge"


@pytest.mark.parametrize(
    ("held", "quantity", "closing", "elsewhere", "passes"),
    [
        (10, 3, 0, 0, True),
        (10, 4, 3, 3, True),
        (10, 5, 3, 3, False),
        (10, 9, 3, 3, False),
        (10, 1, 12, 0, False),
        (10, 7, 3, 0, True),
        (10, 8, 3, 0, False),
        (10, 7, 0, 3, True),
        (10, 8, 0, 3, False),
        (25, 25, 0, 0, True),
        (1, 1, 0, 0, True),
        (1, 2, 0, 0, False),
    ],
)
def test_an_exit_takes_what_is_held_and_neither_closing_nor_gone(
    held: int, quantity: int, closing: int, elsewhere: int, passes: bool
) -> None:
    facts = {"closing": closing, "elsewhere": elsewhere}
    for side in (1, -1):
        wanted = request(-side, quantity, purpose=Purpose.EXIT)
        assert refuses("reduce_only", wanted, held=side * held, **facts) is not passes
        assert refuses("reduce_only", wanted, held=-side * held, **facts), "on the wrong side there is nothing to close"
    assert refuses("reduce_only", request(-1, 1, purpose=Purpose.EXIT), held=0)


@pytest.mark.parametrize(
    ("last", "price", "limit", "passes"),
    [
        (200.0, 205.0, 3.0, True),
        (200.0, 206.0, 3.0, True),
        (200.0, 206.05, 3.0, False),
        (200.0, 208.0, 4.0, True),
        (200.0, 208.05, 4.0, False),
        (50.0, 51.5, 3.0, True),
        (50.0, 51.55, 3.0, False),
        (200.0, 500.0, 3.0, False),
        (0.0, 100.0, 3.0, False),
        (-1.0, 100.0, 3.0, False),
        (0.5, 0.5, 3.0, True),
    ],
)
def test_the_collar_is_a_part_of_the_last_price(last: float, price: float, limit: float, passes: bool) -> None:
    assert refuses("price_collar", request(price=price), limit, last_price=last) is not passes
    assert last > 0.0 or refuses("price_collar", request(-1, price=price), limit, last_price=last), "what is not known refuses"


@pytest.mark.parametrize(
    ("last", "price", "limit", "passes"),
    [
        (200.0, 240.0, 3.0, True),
        (200.0, 240.05, 3.0, False),
        (200.0, 220.0, 1.5, True),
        (200.0, 220.05, 1.5, False),
        (10.0, 15.0, 3.0, True),
        (10.0, 15.05, 3.0, False),
        (10.0, 3.0, 3.0, True),
    ],
)
def test_the_collar_of_an_option_is_wider_and_never_below_five_rupees(last: float, price: float, limit: float, passes: bool) -> None:
    assert refuses("price_collar", request(price=price, instrument=OPTION), limit, last_price=last) is not passes


@pytest.mark.parametrize(
    ("side", "trigger", "price", "passes"),
    [(1, 120.0, 123.6, True), (1, 120.0, 123.65, False), (-1, 80.0, 77.6, True), (-1, 80.0, 77.55, False)],
)
def test_the_limit_of_a_stop_is_held_against_its_trigger(side: int, trigger: float, price: float, passes: bool) -> None:
    stop = request(side, price=price, trigger_price=trigger, order_type=OrderType.SL)
    assert refuses("price_collar", stop, last_price=100.0) is not passes


@pytest.mark.parametrize(
    ("price", "passes"), [(240.0, True), (240.05, False), (160.0, True), (159.95, False), (200.0, True), (400.0, False)]
)
def test_a_share_without_derivatives_is_priced_within_a_fifth_of_its_close(price: float, passes: bool) -> None:
    share = replace(RELIANCE, has_derivatives=False)
    assert refuses("price_collar", request(price=price, instrument=share), last_price=price, close=200.0) is not passes
    for other in (RELIANCE, OPTION, replace(share, kind=InstrumentKind.FUTURE)):
        assert not refuses("price_collar", request(price=price, instrument=other), last_price=price, close=200.0)
    assert not refuses("price_collar", request(price=price, instrument=share), last_price=price, close=-1.0)


@pytest.mark.parametrize(
    ("limit", "age_s", "is_liquid", "passes"),
    [
        (4.0, 4.0, True, True),
        (4.0, 4.5, True, False),
        (4.0, 1.0, True, True),
        (4.0, 24.0, False, True),
        (4.0, 24.5, False, False),
        (4.0, 10.0, False, True),
    ],
)
def test_a_quote_may_be_six_times_as_old_where_little_is_traded(limit: float, age_s: float, is_liquid: bool, passes: bool) -> None:
    wanted = request(instrument=replace(RELIANCE, has_derivatives=is_liquid))
    assert refuses("quote_age", wanted, limit, quote_age_s=age_s) is not passes


@pytest.mark.parametrize(
    ("quantity", "each", "usual", "limit", "passes"),
    [
        (10, 30, 100, 3.0, True),
        (10, 31, 100, 3.0, False),
        (1, 299, 100, 3.0, True),
        (10, 500, 100, 3.0, False),
        (10, 1, 100, 3.0, True),
        (10, 500, 0, 3.0, True),
        (10, 1, 1, 1.0, False),
    ],
)
def test_an_order_many_times_the_usual_is_asked_about(quantity: int, each: int, usual: int, limit: float, passes: bool) -> None:
    assert refuses("unusual_order", request(1, quantity), limit, by_hand=True, each_units=each, usual_units=usual) is not passes


@pytest.mark.parametrize(
    ("side", "last", "price", "passes"),
    [
        (1, 200.0, 202.0, True),
        (1, 200.0, 202.05, False),
        (1, 200.0, 250.0, False),
        (-1, 200.0, 198.0, True),
        (-1, 200.0, 197.95, False),
        (-1, 200.0, 300.0, True),
        (1, 0.0, 300.0, True),
        (1, -1.0, 300.0, True),
    ],
)
def test_a_limit_by_hand_more_than_a_percent_off_is_asked_about(side: int, last: float, price: float, passes: bool) -> None:
    assert refuses("unusual_order", request(side, price=price), by_hand=True, last_price=last) is not passes


@pytest.mark.parametrize(("price", "passes"), [(220.0, True), (220.05, False), (190.0, True)])
def test_the_limit_of_an_option_by_hand_may_be_a_tenth_off(price: float, passes: bool) -> None:
    assert refuses("unusual_order", request(price=price, instrument=OPTION), by_hand=True, last_price=200.0) is not passes


def test_an_order_at_market_has_no_limit_to_be_off() -> None:
    assert not refuses("unusual_order", request(), by_hand=True, last_price=200.0)

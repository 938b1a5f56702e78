"""Rules on one order, each at its border: what is exactly allowed passes, one unit more is refused, and what only closes passes."""

from __future__ import annotations

import importlib.util
import math
import re
import string
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import rules
from engine.core.facts import Facts
from engine.core.limits import LIMITS
from engine.core.model import Account, Instrument, InstrumentKind, OrderRequest, OrderType, Product, Purpose, Side, Validity, Variety
from engine.core.registry import RULES
from engine.risk_limits import ALWAYS, FIRST, RETAIL
from engine.risk_words import explain
from engine.rules.market_protection import protection_pct, worst_price
from engine.rules.messages_a_day import kept_of
from engine.rules.sound_order import unsound
from tests.engine.fakes import RELIANCE, request

OPTION = replace(RELIANCE, kind=InstrumentKind.CALL, lot_size=10, has_derivatives=False)
SMALL_CAP = replace(RELIANCE, has_derivatives=False)
RUPEE = 10_000


def ask(name: str, facts: Facts, limit: float | None = None) -> bool:
    rule = RULES.get(name)
    answer = rule.check(facts, rule.limit if limit is None else limit)
    assert answer in (0, rule.code)
    if answer:
        assert "{" not in explain(rule, rule.limit, facts)
    return bool(answer)


def told(wanted: OrderRequest, **given: Any) -> Facts:
    facts = Facts(wanted)
    for name, value in given.items():
        setattr(facts, name, value)
    return facts


BORDERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # rule: what it still lets pass, and one unit beyond
    "margin_use": ({"margin_pct": 70.0}, {"margin_pct": 70.1}),
    "messages_a_minute": ({"messages_minute": 199}, {"messages_minute": 200}),
    "messages_a_day": ({"messages_today": 2_499}, {"messages_today": 2_500}),
    "max_open_orders": ({"open_orders": 19}, {"open_orders": 20}),
    "max_open_orders_symbol": ({"open_orders_here": 4}, {"open_orders_here": 5}),
    "max_open_value": (
        {"each_units": 100 * RUPEE, "open_units": 499_000 * RUPEE},
        {"each_units": 100 * RUPEE, "open_units": 499_000 * RUPEE + 1},
    ),
    "short_option": ({"uncovered": 0}, {"uncovered": 1}),
    "own_orders": ({"crossed": ""}, {"crossed": "ema for -5 at 100"}),
    "opposing_owners": ({"opposed": ""}, {"opposed": "ema with -5"}),
    "entry_hours": ({"entry_hours": ""}, {"entry_hours": "from 09:15:05 to 15:00"}),
    "restricted": ({"restricted": ""}, {"restricted": "ban of the day"}),
    "spread": ({"spread_pct": 5.0}, {"spread_pct": 5.01}),
    "listed": ({"not_listed": ""}, {"not_listed": "it expired on 30 Dec 2025"}),
    "unusual_order": (
        {"by_hand": True, "each_units": 500, "usual_units": 1_000},
        {"by_hand": True, "each_units": 501, "usual_units": 1_000},
    ),
    "market_protection": ({"is_live": False}, {"is_live": True}),
}


@pytest.mark.parametrize("name", BORDERS)
def test_a_rule_refuses_one_unit_beyond_its_limit_and_not_at_it(name: str) -> None:
    allowed, refused = BORDERS[name]
    assert not ask(name, told(request(), **allowed))
    assert ask(name, told(request(), **refused))


@pytest.mark.parametrize("name", [name for name, (given, _) in BORDERS.items() if type(next(reversed(given.values()))) in (int, float)])
def test_a_rule_refuses_far_beyond_its_limit_and_lets_far_less_pass(name: str) -> None:
    allowed, refused = BORDERS[name]
    assert not ask(name, told(request(), **{field: value // 10 for field, value in allowed.items()}))
    assert ask(name, told(request(), **{field: value * 10 for field, value in refused.items()}))


@pytest.mark.parametrize("name", BORDERS)
def test_what_only_closes_passes(name: str) -> None:
    assert not ask(name, told(request(-1, purpose=Purpose.EXIT), **BORDERS[name][1]))
    assert not ask(name, told(request(-1, purpose=Purpose.SQUARE_OFF), **BORDERS[name][1]))


@pytest.mark.parametrize("name", BORDERS)
def test_a_reversal_opens_and_is_refused_like_an_entry(name: str) -> None:
    assert ask(name, told(request(purpose=Purpose.REVERSAL), **BORDERS[name][1]))


def test_what_nobody_tells_is_not_held_against_an_order() -> None:
    assert not ask("margin_use", told(request(), margin_pct=math.nan))
    assert not ask("spread", told(request(), spread_pct=math.nan))


def test_a_small_limit_of_messages_keeps_half_for_exits() -> None:
    assert (kept_of(3_000.0), kept_of(1_000.0), kept_of(10.0), kept_of(7.0)) == (500.0, 500.0, 5.0, 3.5)
    assert not ask("messages_a_day", told(request(), messages_today=4), 10.0)
    assert ask("messages_a_day", told(request(), messages_today=5), 10.0)


@pytest.mark.parametrize(
    ("kind", "asked", "passes"),
    [
        (OrderType.MARKET, None, False),
        (OrderType.MARKET, 2.0, True),
        (OrderType.SL_M, None, False),
        (OrderType.LIMIT, None, True),
        (OrderType.SL, None, True),
    ],
)
def test_real_money_sends_no_bare_market_order(kind: OrderType, asked: float | None, passes: bool) -> None:
    facts = told(request(order_type=kind, price=100.0, trigger_price=99.0, market_protection=asked), is_live=True)
    assert ask("market_protection", facts) is not passes


@pytest.mark.parametrize(
    ("instrument", "price", "pct"),
    [(RELIANCE, 50.0, 2.0), (OPTION, 99.95, 5.0), (OPTION, 100.0, 2.0), (replace(RELIANCE, kind=InstrumentKind.FUTURE), 50.0, 2.0)],
)
def test_an_order_at_market_is_protected_by_its_kind(instrument: Instrument, price: float, pct: float) -> None:
    assert protection_pct(instrument, price) == pct


def test_a_protected_buy_is_reckoned_at_the_worst_that_it_may_cost() -> None:
    assert worst_price(request(market_protection=2.0), 100.0) == 102.0
    assert worst_price(request(-1, market_protection=2.0), 100.0) == 100.0
    assert worst_price(request(), 100.0) == 100.0
    assert worst_price(request(price=100.0, market_protection=2.0), 100.0) == 100.0


@pytest.mark.parametrize(
    ("price", "passes"),
    [(101.0, True), (101.05, False), (50.0, True)],
)
def test_a_limit_off_the_market_is_asked_about(price: float, passes: bool) -> None:
    assert ask("unusual_order", told(request(price=price), by_hand=True, last_price=100.0)) is not passes
    assert not ask("unusual_order", told(request(price=price), by_hand=False, last_price=100.0)), "a strategy cannot be asked"
    assert not ask("unusual_order", told(request(price=price, is_confirmed=True), by_hand=True, last_price=100.0))


def test_the_limit_of_an_option_or_of_a_stop_is_held_against_what_it_should_be() -> None:
    assert not ask("unusual_order", told(request(price=109.0, instrument=OPTION), by_hand=True, last_price=100.0))
    assert ask("unusual_order", told(request(price=111.0, instrument=OPTION), by_hand=True, last_price=100.0))
    stop = request(price=120.5, trigger_price=120.0, order_type=OrderType.SL)
    assert not ask("unusual_order", told(stop, by_hand=True, last_price=100.0))


def test_a_trader_without_earlier_orders_is_asked_nothing_about_the_size() -> None:
    assert not ask("unusual_order", told(request(quantity=10_000), by_hand=True, each_units=RUPEE, usual_units=0))


@pytest.mark.parametrize(
    ("price", "last", "passes"), [(25.0, 20.0, True), (25.05, 20.0, False), (120.0, 100.0, True), (120.05, 100.0, False), (5.5, 0.5, True)]
)
def test_an_option_may_be_a_fifth_or_five_rupees_off(price: float, last: float, passes: bool) -> None:
    assert ask("price_collar", told(request(price=price, instrument=OPTION), last_price=last)) is not passes


@pytest.mark.parametrize(("price", "passes"), [(96.0, True), (95.95, False), (80.0, False), (79.95, False)])
def test_a_share_is_priced_inside_the_widest_band_of_the_exchange(price: float, passes: bool) -> None:
    cheap = told(request(price=price, instrument=SMALL_CAP), last_price=price, close=120.0)
    assert ask("price_collar", cheap) is not passes
    assert not ask("price_collar", told(request(price=price, instrument=RELIANCE), last_price=price, close=120.0)), "it has no such band"
    assert not ask("price_collar", told(request(price=price, instrument=SMALL_CAP), last_price=price, close=0.0)), "nobody knows"
    assert ask("price_collar", told(request(-1, price=144.05, instrument=SMALL_CAP), last_price=144.0, close=120.0))


BAD = [None, 0, -1, 1.0, 1.5, True, "10", math.nan, math.inf, 10_000_000_000, pytest.param(10**5000, id="huge")]


@pytest.mark.parametrize("quantity", BAD)
def test_a_quantity_that_is_no_whole_number_above_zero_is_refused(quantity: Any) -> None:
    assert unsound(replace(request(), quantity=quantity)).startswith("a whole quantity above 0, was ")


@pytest.mark.parametrize("field", ["price", "trigger_price", "reference_price", "stop", "target", "trail"])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 0.0, -0.05, True, "100", Decimal("NaN"), pytest.param(10**5000, id="huge")]
)
def test_a_price_that_is_none_is_refused(field: str, value: Any) -> None:
    assert unsound(replace(request(), **{field: value})).startswith("prices above 0, was ")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"side": 1}, "BUY or SELL"),
        ({"side": None}, "BUY or SELL"),
        ({"order_type": "MARKET"}, "a known type of order"),
        ({"instrument": "NSE:RELIANCE"}, "an instrument and a product"),
        ({"instrument": replace(RELIANCE, lot_size=0)}, "an instrument and a product"),
        ({"instrument": replace(RELIANCE, tick_size=Decimal(0))}, "an instrument and a product"),
        ({"product": "MIS"}, "an instrument and a product"),
        ({"purpose": "entry"}, "a known purpose"),
        ({"validity": None}, "a known validity"),
        ({"variety": 7}, "a known variety"),
        ({"owner": None}, "the name of an owner"),
        ({"market_protection": 0.0}, "a market protection above 0"),
        ({"market_protection": 100.5}, "a market protection above 0"),
        ({"market_protection": math.nan}, "a market protection above 0"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(changes: dict[str, Any], says: str) -> None:
    assert says in unsound(replace(request(), **changes))


def test_sound_orders_are_sound() -> None:
    for wanted in (request(), request(price=100.0, stop=99.0, target=101, trail=0.5), request(market_protection=100.0)):
        assert not ask("sound_order", told(wanted))
    assert ask("sound_order", told(replace(request(), quantity=-5)))


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
WHOLE = st.integers(-(10**18), 10**18)
INSTRUMENTS = st.builds(
    replace,
    st.just(RELIANCE),
    kind=st.sampled_from(InstrumentKind),
    lot_size=st.integers(1, 10_000),
    freeze_quantity=st.integers(0, 10**6),
    has_derivatives=st.booleans(),
    expiry=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
PRICES = st.none() | st.floats(0.01, 1e9)
REQUESTS = st.builds(
    OrderRequest,
    INSTRUMENTS,
    st.sampled_from(Side),
    st.integers(1, 10**9),
    st.sampled_from(OrderType),
    st.sampled_from(Product),
    PRICES,
    PRICES,
    st.sampled_from(Validity),
    owner=st.text(string.ascii_letters, max_size=5),
    purpose=st.sampled_from(Purpose),
    reference_price=PRICES,
    stop=PRICES,
    variety=st.sampled_from(Variety),
    is_sliced=st.booleans(),
)
PLAIN = ("messages_minute", "messages_today", "open_orders", "open_units", "uncovered", "usual_units", "held", "closing", "entering")
FLOATS = ("last_price", "quote_age_s", "spread_pct", "margin_pct", "close", "lost_pct", "cools_s", "given_back_pct")


@settings(deadline=None, max_examples=150)
@given(REQUESTS, st.lists(WHOLE, min_size=len(PLAIN), max_size=len(PLAIN)), st.lists(NUMBERS, min_size=len(FLOATS), max_size=len(FLOATS)))
def test_no_rule_raises_whatever_it_is_told_of_a_sound_order(wanted: OrderRequest, whole: list[int], numbers: list[float]) -> None:
    assert unsound(wanted) == ""
    facts = told(wanted, **dict(zip(PLAIN, whole, strict=True)), **dict(zip(FLOATS, numbers, strict=True)))
    for rule in (rule for name, rule in RULES.items() if name not in (LIMITS.names or ())):
        for limit in (0.0, rule.limit, 1e308):
            assert rule.check(facts, limit) in (0, rule.code)


ANYTHING = NUMBERS | WHOLE | st.text(max_size=3) | st.none() | st.booleans() | st.binary(max_size=2) | st.just(object())
FIELDS = st.sampled_from(
    ["quantity", "price", "trigger_price", "side", "order_type", "product", "instrument", "owner", "purpose", "stop", "market_protection"]
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(FIELDS, ANYTHING, max_size=4))
def test_whatever_stands_in_an_order_it_is_sound_or_told(changes: dict[str, Any]) -> None:
    assert isinstance(unsound(replace(request(), **changes)), str)


def test_every_rule_is_usual_or_always_there_or_says_why_not() -> None:
    elsewhere = {
        "max_drawdown": "a peak of years ago stops nobody by default",
        "strategy_quantity": "shares and contracts differ too much for one figure",
        "profit_giveback": "off unless the trader wants to keep a good day",
    }
    names = set(RULES.names())
    assert names == set(RETAIL) | set(ALWAYS) | {FIRST} | set(elsewhere)
    assert not set(RETAIL) & set(ALWAYS)


@pytest.mark.parametrize("name", RULES.names())
def test_every_rule_has_a_default_a_unit_and_words(name: str) -> None:
    rule = RULES.get(name)
    assert math.isfinite(rule.limit)
    assert rule.limit > 0.0 or name == "max_drawdown"
    assert rule.unit
    assert rule.explain.startswith("Expected ") or name == "trading_state"
    assert ";" in rule.explain or rule.explain.startswith("Expected {") or name == "unclear"
    account, row = Account(1, 1, 1, 1, 1, 0, 0, 0), SimpleNamespace(quantity=0)
    assert "{" not in explain(rule, rule.limit, told(request()), account, row, 0)


def test_the_table_of_controls_names_every_rule_and_no_other() -> None:
    text = rules.__doc__ or ""
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 40
    named = set(re.findall(r"`(\w+)`", text))
    assert set(RULES.names()) <= named
    for name in named - set(RULES.names()) - {"RETAIL", "limit"}:
        assert importlib.util.find_spec(f"engine.{name}"), name

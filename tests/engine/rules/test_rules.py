"""Each rule refuses exactly what it should: just beyond its limit, not at it; and what reduces a position passes."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.core.compiled import Compiled
from engine.core.facts import Facts
from engine.core.limits import LIMITS
from engine.core.model import InstrumentKind, OrderType, Product, Purpose, TradingState
from engine.core.records import ACCOUNT, ORDER, POSITION
from engine.core.registry import RULES
from engine.risk_limits import ALWAYS, Limits
from engine.rules.tick_and_lot import fault
from tests.engine.fakes import RELIANCE, request

LAKH = 100_000 * 10_000
MONEY = {
    # rule: what makes it refuse, and the nearest thing that it lets pass
    "cash": ({"cash": 999_999}, {"cash": 1_000_000}),
    "max_positions": ({"other_positions": 3, "limit": 3.0}, {"other_positions": 2, "limit": 3.0}),
    "max_position_size": ({"capital": LAKH, "held": 1_991, "limit": 20.0}, {"capital": LAKH, "held": 1_990, "limit": 20.0}),
    "max_daily_loss": (
        {"day_start": LAKH, "equity": LAKH - 3_000_000, "limit": 3_000_000.0},
        {"day_start": LAKH, "equity": LAKH - 2_999_999, "limit": 3_000_000.0},
    ),
    "max_drawdown": ({"peak": LAKH, "equity": LAKH * 9 // 10, "limit": 10.0}, {"peak": LAKH, "equity": LAKH * 9 // 10 + 1, "limit": 10.0}),
    "max_order_value": ({"limit": 999_999.0}, {"limit": 1_000_000.0}),
    "max_order_quantity": ({"limit": 9.0}, {"limit": 10.0}),
    "max_order_share": ({"equity": 10_000_000, "limit": 9.99}, {"equity": 10_000_000, "limit": 10.0}),
    "max_order_lots": ({"contract_lot": 5, "limit": 1.0}, {"contract_lot": 5, "limit": 2.0}),
    "max_position_lots": ({"contract_lot": 5, "held": 1, "limit": 2.0}, {"contract_lot": 5, "held": 0, "limit": 2.0}),
    "gross_exposure": (
        {"equity": 1_000_000, "cash": -1, "limit": 2.0},
        {"equity": 1_000_000, "cash": 0, "limit": 2.0},
    ),
}


def asked(name: str, *, is_exit: int = 0, quantity: int = 10, **given: Any) -> int:
    """Ask a money rule about an order for 10 at Rs 10 each."""
    account, position, order, limits = (np.zeros(1, dtype=kind) for kind in (ACCOUNT, POSITION, ORDER, LIMITS))
    account["cash"] = account["equity"] = account["peak"] = account["day_start"] = account["capital"] = 10 * LAKH
    for field in LIMITS.names or ():
        limits[field] = math.nan
    if name in (LIMITS.names or ()):
        limits[name] = given.pop("limit", 1.0)
    position["quantity"] = given.pop("held", 0)
    order[0] = (0, 0, quantity, 100_000, is_exit, given.pop("contract_lot", 0))
    for field, value in given.items():
        account[field] = value
    rule = RULES.get(name)
    answer = int(rule.check(account[0], position[0], order[0], limits[0]))
    assert answer in (0, rule.code)
    return answer


@pytest.mark.parametrize("name", MONEY)
def test_a_money_rule_refuses_beyond_its_limit_and_not_at_it(name: str) -> None:
    refused, allowed = MONEY[name]
    assert asked(name, **refused)
    assert asked(name, **allowed) == 0


def test_an_order_is_worth_quantity_times_price_on_either_side() -> None:
    for quantity in (10, -10):
        assert asked("max_order_value", quantity=quantity, limit=1.0)
        assert not asked("max_order_value", quantity=quantity, limit=1_000_000.0)
        assert not asked("max_order_value", quantity=quantity, limit=9_000_000.0)
        assert not asked("max_order_share", quantity=quantity, equity=10_000_000, limit=10.0)


@pytest.mark.parametrize("name", MONEY)
def test_a_money_rule_lets_an_exit_pass(name: str) -> None:
    assert asked(name, **{**MONEY[name][0], "held": 10_000}, is_exit=1, quantity=-10) == 0
    assert asked(name, **MONEY[name][0], is_exit=1) == 0, "that an exit opens nothing is for reduce_only to judge"


@pytest.mark.parametrize("name", [name for name in MONEY if name != "cash"])
def test_a_limit_that_was_not_given_never_refuses(name: str) -> None:
    assert asked(name, **{**MONEY[name][0], "limit": math.nan}) == 0


def test_cash_asks_only_for_what_an_order_opens() -> None:
    assert asked("cash", cash=0, held=10, quantity=-20) == 0
    assert asked("cash", cash=-1, held=10, quantity=-20), "and a reversal needs that nothing is overdrawn"
    assert asked("cash", cash=499_999, held=10, quantity=-25)


def test_codes_differ_and_every_sentence_says_what_to_do() -> None:
    rules = dict(RULES.items())
    assert len({rule.code for rule in rules.values()}) == len(rules)
    for rule in rules.values():
        assert rule.explain[0].isupper() or rule.name in ("tick_and_lot", "trading_state")
        assert rule.unit


def test_rules_over_records_are_compiled_and_the_others_are_not() -> None:
    assert {name for name, rule in RULES.items() if isinstance(rule.check, Compiled)} == set(MONEY)


def ask(name: str, facts: Facts, limit: float | None = None) -> bool:
    rule = RULES.get(name)
    answer = rule.check(facts, rule.limit if limit is None else limit)
    assert answer in (0, rule.code)
    return bool(answer)


EXIT = request(-1, purpose=Purpose.EXIT)


@pytest.mark.parametrize(
    ("state", "facts", "passes"),
    [
        (TradingState.ACTIVE, Facts(request()), True),
        (TradingState.REDUCING, Facts(request()), False),
        (TradingState.REDUCING, Facts(request(purpose=Purpose.REVERSAL)), False),
        (TradingState.REDUCING, Facts(EXIT), True),
        (TradingState.HALTED, Facts(EXIT), False),
        (TradingState.HALTED, Facts(EXIT, by_hand=True), True),
        (TradingState.HALTED, Facts(request(), by_hand=True), False),
    ],
)
def test_trading_state(state: TradingState, facts: Facts, passes: bool) -> None:
    assert ask("trading_state", replace(facts, state=state)) is not passes


@pytest.mark.parametrize(
    ("held", "closing", "purpose", "quantity", "passes"),
    [
        (10, 0, Purpose.EXIT, 10, True),
        (10, 0, Purpose.EXIT, 11, False),
        (10, 4, Purpose.EXIT, 7, False),
        (10, 4, Purpose.STOP, 10, True),
        (-10, 0, Purpose.EXIT, 5, False),
        (0, 0, Purpose.SQUARE_OFF, 1, False),
        (10, 0, Purpose.REVERSAL, 20, True),
    ],
)
def test_reduce_only(held: int, closing: int, purpose: Purpose, quantity: int, passes: bool) -> None:
    facts = Facts(request(-1, quantity, purpose=purpose), held=held, closing=closing)
    assert ask("reduce_only", facts) is not passes


def test_reduce_only_counts_what_was_closed_elsewhere() -> None:
    for elsewhere, passes in ((0, True), (4, True), (5, False)):
        facts = Facts(request(-1, 6, purpose=Purpose.STOP), held=10)
        facts.elsewhere = elsewhere
        assert ask("reduce_only", facts) is not passes


def test_unclear_lets_only_exits_pass() -> None:
    for wanted, why, passes in (
        (request(), "", True),
        (request(), "an order is looked up", False),
        (request(-1, purpose=Purpose.EXIT), "so", True),
    ):
        facts = Facts(wanted)
        facts.unclear = why
        assert ask("unclear", facts) is not passes


@pytest.mark.parametrize(
    ("product", "held", "entering", "is_live", "passes"),
    [
        (Product.CNC, 9, 0, False, False),
        (Product.CNC, 10, 0, False, True),
        (Product.CNC, 15, -6, False, False),
        (Product.CNC, 0, 10, False, False),
        (Product.MTF, 0, 0, False, False),
        (Product.MIS, 0, 0, True, True),
        (Product.NRML, 0, 0, False, True),
        (Product.NRML, 0, 0, True, False),
    ],
)
def test_short_selling(product: Product, held: int, entering: int, is_live: bool, passes: bool) -> None:
    facts = Facts(request(-1, product=product), held=held, entering=entering, is_live=is_live)
    assert ask("short_selling", facts) is not passes


def test_short_selling_lets_futures_be_sold_with_real_money() -> None:
    future = replace(RELIANCE, kind=InstrumentKind.FUTURE)
    assert not ask("short_selling", Facts(request(-1, instrument=future, product=Product.NRML), is_live=True))
    assert not ask("short_selling", Facts(request(1, product=Product.CNC)))


def test_square_off_time() -> None:
    assert ask("square_off_time", Facts(request(), is_past_square_off=True))
    assert not ask("square_off_time", Facts(request(), is_past_square_off=False))
    assert not ask("square_off_time", Facts(request(product=Product.CNC), is_past_square_off=True))
    assert not ask("square_off_time", Facts(EXIT, is_past_square_off=True))


def test_market_hours() -> None:
    assert ask("market_hours", Facts(request(), is_open=False))
    assert not ask("market_hours", Facts(request()))
    assert not ask("market_hours", Facts(EXIT, is_open=False))


def test_message_rate_keeps_two_messages_for_exits() -> None:
    assert not ask("message_rate", Facts(request(), messages=5))
    assert ask("message_rate", Facts(request(), messages=6))
    assert not ask("message_rate", Facts(EXIT, messages=8))


def test_duplicate_order() -> None:
    assert ask("duplicate_order", Facts(request(), repeats_soon=1))
    assert not ask("duplicate_order", Facts(request(), repeats=1))
    assert not ask("duplicate_order", Facts(EXIT, repeats_soon=1))


@pytest.mark.parametrize(
    ("age_s", "is_liquid", "passes"),
    [(5.0, True, True), (5.1, True, False), (30.0, False, True), (30.1, False, False), (math.inf, False, False), (math.nan, True, False)],
)
def test_quote_age(age_s: float, is_liquid: bool, passes: bool) -> None:
    wanted = request(instrument=replace(RELIANCE, has_derivatives=is_liquid))
    assert ask("quote_age", Facts(wanted, quote_age_s=age_s)) is not passes
    assert not ask("quote_age", Facts(EXIT, quote_age_s=age_s))


@pytest.mark.parametrize(
    ("side", "price", "passes"), [(1, 103.0, True), (1, 103.05, False), (1, 50.0, True), (-1, 97.0, True), (-1, 96.95, False)]
)
def test_price_collar(side: int, price: float, passes: bool) -> None:
    assert ask("price_collar", Facts(request(side, price=price), last_price=100.0)) is not passes


def test_price_collar_of_options_stops_and_markets_without_a_price() -> None:
    option = replace(RELIANCE, kind=InstrumentKind.CALL)
    assert not ask("price_collar", Facts(request(price=119.0, instrument=option), last_price=100.0))
    assert ask("price_collar", Facts(request(price=121.0, instrument=option), last_price=100.0))
    assert not ask("price_collar", Facts(request(price=121.0, trigger_price=120.0, order_type=OrderType.SL), last_price=100.0))
    assert ask("price_collar", Facts(request(price=100.0), last_price=0.0)), "what is not known refuses"
    assert not ask("price_collar", Facts(request(), last_price=0.0))
    assert not ask("price_collar", Facts(replace(EXIT, price=200.0), last_price=100.0))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quantity": 0}, "whole lots of 1, was 0"),
        ({"quantity": -5}, "whole lots"),
        ({"quantity": 1.5}, "whole lots"),
        ({"quantity": True}, "whole lots"),
        ({"quantity": math.nan}, "whole lots"),
        ({"quantity": 10, "instrument": replace(RELIANCE, lot_size=65)}, "whole lots of 65"),
        ({"quantity": 1801, "instrument": replace(RELIANCE, freeze_quantity=1800)}, "at most 1800 in one order"),
        ({"quantity": 18_001, "is_sliced": True, "instrument": replace(RELIANCE, freeze_quantity=1800)}, "at most 18000 in one order"),
        ({"quantity": 1800, "instrument": replace(RELIANCE, freeze_quantity=179)}, "at most 179 in one order"),
        ({"instrument": replace(RELIANCE, kind=InstrumentKind.INDEX)}, "can be traded, was the index"),
        ({"reference_price": None}, "a price by which to reckon"),
        ({"reference_price": math.nan}, "a price by which to reckon"),
        ({"reference_price": math.inf}, "a price by which to reckon"),
        ({"order_type": OrderType.LIMIT}, "a price for a LIMIT order"),
        ({"order_type": OrderType.SL, "price": 100.0}, "a trigger price for a SL order"),
        ({"order_type": OrderType.SL_M}, "a trigger price for a SL-M order"),
        ({"price": math.nan}, "a price"),
        ({"price": -1.0}, "a price"),
        ({"price": 100.03}, "in steps of 0.05, was 100.03"),
        ({"trigger_price": 0.0, "order_type": OrderType.SL_M}, "a trigger price above 0"),
        ({"stop": math.nan}, "a stop above 0"),
        ({"target": math.inf}, "a target above 0"),
        ({"stop": 99.99}, "a stop in steps"),
        ({"trail": 0.0}, "a trailing distance above 0"),
        ({"trail": math.nan}, "a trailing distance above 0"),
    ],
)
def test_tick_and_lot_says_what_no_exchange_would_take(changes: dict[str, Any], says: str) -> None:
    from engine.rules.tick_and_lot import fault

    facts = Facts(replace(request(), **changes))
    assert ask("tick_and_lot", facts)
    assert says in fault(facts)


def test_tick_and_lot_lets_sound_orders_pass() -> None:
    fine = replace(RELIANCE, tick_size=Decimal("0.0025"))
    for sound in (
        request(),
        request(quantity=np.int64(5)),  # type: ignore[arg-type]
        request(price=100.05, stop=99.0, target=101.0, trail=0.5),
        request(price=83.1225, instrument=fine),
        request(-1, trigger_price=99.0),
        replace(EXIT, reference_price=None),
    ):
        assert not ask("tick_and_lot", Facts(sound)), sound


def test_a_strategy_holds_no_more_than_one_sliced_order_can_close() -> None:
    frozen = replace(request(), instrument=replace(RELIANCE, freeze_quantity=10), quantity=10)
    assert not fault(Facts(frozen, held=90))
    assert fault(Facts(frozen, held=95)).startswith("a position of at most 100, which one sliced order can close, was 105")
    assert not fault(Facts(frozen, held=95, by_hand=True))


@pytest.mark.parametrize(
    ("name", "limit", "beyond", "within"),
    [
        ("entries_without_exit", 5.0, {"entries": 5}, {"entries": 4}),
        ("broker_rejects", 3.0, {"rejects": 3}, {"rejects": 2}),
        ("strategy_orders", 100.0, {"orders_today": 100}, {"orders_today": 99}),
        ("strategy_quantity", 30.0, {"quantity_today": 21, "is_budgeted": True}, {"quantity_today": 20, "is_budgeted": True}),
        ("strategy_quantity", 5.0, {"is_budgeted": True}, {"is_budgeted": False}),
        ("strategy_loss", 1.0, {"lost_pct": 1.0}, {"lost_pct": 0.99}),
        ("loss_streak", 4.0, {"cools_s": 0.1}, {"cools_s": 0.0}),
        ("profit_giveback", 40.0, {"given_back_pct": 40.0}, {"given_back_pct": 39.9}),
        ("armed", 1.0, {"is_armed": False}, {"is_armed": True}),
    ],
)
def test_a_rule_that_remembers_refuses_at_its_limit_and_lets_exits_pass(
    name: str, limit: float, beyond: dict[str, Any], within: dict[str, Any]
) -> None:
    assert ask(name, Facts(request(), **beyond), limit)
    assert ask(name, Facts(request(), **{field: 3 * value for field, value in beyond.items()}), limit)
    assert not ask(name, Facts(request(), **within), limit)
    assert not ask(name, Facts(request()), limit), "nothing has happened yet"
    assert not ask(name, Facts(EXIT, **beyond), limit)


def test_a_strategy_begins_with_one_lot() -> None:
    lots = replace(request(1, 65), instrument=replace(RELIANCE, lot_size=65))
    assert not ask("first_session_lots", Facts(lots, is_first_session=True))
    assert ask("first_session_lots", Facts(replace(lots, quantity=130), is_first_session=True))
    assert ask("first_session_lots", Facts(lots, is_first_session=True, held=65))
    assert ask("first_session_lots", Facts(lots, is_first_session=True, entering=65)), "what is on its way counts"
    assert not ask("first_session_lots", Facts(replace(lots, quantity=130), is_first_session=False))
    assert not ask("first_session_lots", Facts(EXIT, is_first_session=True, held=500))


WAITING = [name for name, rule in RULES.items() if rule.when]
AMISS = {
    "is_past_square_off": True, "repeats_soon": 1, "unclear": "so", "cools_s": 9.0, "is_first_session": True, "uncovered": 5,
    "crossed": "so", "opposed": "so", "entry_hours": "so", "restricted": "so", "not_listed": "so",
}  # fmt: skip
"""Facts of an order that everything speaks against."""


@pytest.mark.parametrize("name", WAITING)
def test_a_rule_that_is_asked_only_when_a_fact_is_there_refuses_nothing_without_it(name: str) -> None:
    facts, when = Facts(request()), RULES.get(name).when
    for fact, value in AMISS.items():
        setattr(facts, fact, value)
    assert ask(name, facts, 0.0)
    setattr(facts, when, type(AMISS[when])())
    assert not ask(name, facts, 0.0), "nothing but that fact may make it refuse"


def test_rules_that_wait_for_a_fact_are_left_out_until_one_is_there() -> None:
    limits = Limits.of({"restricted": 1.0, "own_orders": 1.0}, ALWAYS)
    facts = Facts(request())
    asked = [rule.name for rule, _, _ in limits.to_ask(facts)]
    assert "tick_and_lot" in asked
    assert not {"restricted", "own_orders", "unclear"} & set(asked)
    facts.crossed = "hand for -10 at 1500"
    asked = [rule.name for rule, _, _ in limits.to_ask(facts)]
    assert asked == [rule.name for rule, _, _ in limits.plain]
    assert {"restricted", "own_orders", "unclear"} <= set(asked)
    assert [rule.name for rule, _, _ in Limits.of({}).to_ask(facts)] == []

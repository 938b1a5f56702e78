from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compiled import is_disabled
from engine.core.errors import InvalidOption, UserError
from engine.core.model import Exchange, Instrument, InstrumentKind, OrderType, Product, Purpose, Side, to_units
from engine.core.records import ENTRY, EXIT, INTENT, REVERSAL, Row, Rows
from engine.core.sizing import (
    FIXED,
    KELLY,
    NO_SIZE,
    RISK,
    Sizing,
    entry_price,
    is_wanted_by,
    order_caps,
    order_for,
    parse_sizing,
    purpose_of,
    size_for,
    size_of,
    wanted_quantity,
    whole_lots,
)

NAN = math.nan
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561, tick_size=Decimal("0.10"))
NIFTY = Instrument(Exchange.NFO, "NIFTY26NOVFUT", 2, kind=InstrumentKind.FUTURE, lot_size=75)
CRUDE = Instrument(Exchange.MCX, "CRUDEOIL26NOVFUT", 3, kind=InstrumentKind.FUTURE, multiplier=100)
LAKH = to_units(100_000)


def risk(instrument: Instrument = RELIANCE, *, risk_pct: float = 0.0, cap: float = 0.0) -> Rows:
    return Sizing(RISK).row(instrument, Product.MIS, risk_pct=risk_pct, max_position_pct=cap)


def intent(
    target: float = NAN, limit: float = NAN, stop: float = NAN, profit: float = NAN, trail: float = NAN, trigger: float = NAN
) -> Row:
    row = np.zeros(1, INTENT)
    row[0] = (target, limit, stop, profit, trail, trigger)
    return row[0]


@pytest.mark.parametrize(
    ("sizing", "price", "stop", "size"),
    [
        (Sizing(FIXED, 10).row(RELIANCE, Product.MIS), 1400.0, NAN, 10),
        (Sizing(FIXED, 100).row(NIFTY, Product.NRML), 25_000.0, NAN, 75),
        (Sizing(FIXED, 74).row(NIFTY, Product.NRML), 25_000.0, NAN, 0),
        (risk(risk_pct=1.0), 1400.0, 1386.0, 71),  # 1,000 / 14
        (risk(risk_pct=1.0), 1400.0, 1414.0, 71),  # a short risks the same
        (risk(risk_pct=1.0), 100.0, 99.9, 10_000),  # exactly, though 100 - 99.9 is not 0.1 in floating point
        (risk(risk_pct=1.0, cap=10.0), 1400.0, 1386.0, 7),  # 10,000 / 1,400
        (risk(risk_pct=1.0, cap=200.0), 1400.0, 1386.0, 71),
        (risk(risk_pct=1.0, cap=10.0), 1400.0, NAN, 7),
        (risk(risk_pct=1.0, cap=10.0), 1400.0, 1400.0, 7),
        (risk(cap=10.0), 1400.0, 1386.0, 7),
        (risk(risk_pct=1.0), 1400.0, NAN, NO_SIZE),
        (risk(), 1400.0, 1386.0, NO_SIZE),
        (risk(NIFTY, risk_pct=5.0), 25_000.0, 24_950.0, 75),  # 5,000 / 50 = 100 -> one lot
        (risk(CRUDE, risk_pct=5.0), 6000.0, 5990.0, 5),  # 5,000 / (10 x 100)
        (risk(CRUDE, cap=700.0), 6000.0, NAN, 1),
        (risk(cap=10.0), 0.0, NAN, 0),
        (risk(cap=10.0), NAN, NAN, 0),
        (risk(cap=10.0), 0.00001, NAN, 100_000_000),
    ],
)
def test_the_size_of_one_wish(sizing: Rows, price: float, stop: float, size: int) -> None:
    assert size_of(sizing[0], LAKH, price, stop) == size


def test_no_equity_no_size() -> None:
    assert size_of(risk(risk_pct=1.0)[0], 0, 100.0, 99.0) == 0
    assert size_of(risk(risk_pct=1.0)[0], -LAKH, 100.0, 99.0) == 0


def test_without_anything_to_size_by_the_user_is_told() -> None:
    with pytest.raises(UserError, match="give max_position_size"):
        size_for(risk(risk_pct=1.0)[0], LAKH, 100.0, NAN)
    assert size_for(risk(cap=10.0)[0], LAKH, 100.0, NAN) == 100


@settings(deadline=None, max_examples=200)
@given(
    equity=st.integers(1, 10**13),
    pct=st.floats(0.01, 100.0),
    price=st.integers(100, 10**9),
    distance=st.integers(1, 10**7),
    lot=st.sampled_from([1, 25, 75]),
)
def test_a_stop_never_loses_more_than_was_allowed(equity: int, pct: float, price: int, distance: int, lot: int) -> None:
    sizing = risk(Instrument(Exchange.NFO, "X", 1, lot_size=lot), risk_pct=pct)
    size = size_of(sizing[0], equity, price / 1e4, (price + distance) / 1e4)
    allowed = equity * pct / 100
    assert size % lot == 0
    assert size * distance <= allowed + 1e-6 * distance * lot
    assert (size + lot) * distance > allowed - 1e-6 * distance * lot


@pytest.mark.parametrize(
    ("target", "held", "position", "wanted"),
    [
        (NAN, NAN, 0, 0),
        (NAN, 1.0, 70, 70),
        (1.0, NAN, 0, 100),
        (-1.0, NAN, 0, -100),
        (1.0, 1.0, 0, 100),  # stopped out, wished again: enter again
        (1.0, 1.0, 70, 70),  # sized once, not again
        (-1.0, -1.0, -70, -70),
        (1.0, -1.0, -70, 100),  # reversal
        (-1.0, 1.0, 70, -100),
        (0.0, 1.0, 70, 0),
        (0.0, NAN, 0, 0),
        (2.0, 1.0, 100, 200),
        (0.5, 1.0, 100, 50),
        (0.29, NAN, 0, 29),  # 28.999999999999996 in floating point
    ],
)
def test_what_a_target_wants_held(target: float, held: float, position: int, wanted: int) -> None:
    assert wanted_quantity(target, held, position, 100, 1, True) == wanted


def test_who_cannot_short_goes_flat_instead() -> None:
    assert wanted_quantity(-1.0, 1.0, 70, 100, 1, False) == 0
    assert wanted_quantity(-1.0, NAN, 0, 100, 1, False) == 0
    assert wanted_quantity(1.0, NAN, 0, 100, 1, False) == 100


def test_a_size_of_nothing_opens_nothing_but_still_closes() -> None:
    assert wanted_quantity(1.0, NAN, 0, 0, 1, True) == 0
    assert wanted_quantity(1.0, NAN, 0, NO_SIZE, 1, True) == 0
    assert wanted_quantity(-1.0, 1.0, 70, 0, 1, True) == 0
    assert wanted_quantity(2.0, 1.0, 70, 0, 1, True) == 70


def test_part_lots_are_cut_off() -> None:
    assert wanted_quantity(0.5, NAN, 0, 225, 75, True) == 75
    assert wanted_quantity(-0.5, NAN, 0, 225, 75, True) == -75
    assert whole_lots(149.9999999999, 75) == 150
    assert whole_lots(149.0, 75) == 75


@pytest.mark.parametrize(
    ("position", "wanted", "purpose"),
    [(0, 5, ENTRY), (0, -5, ENTRY), (5, 9, ENTRY), (-5, -9, ENTRY), (9, 5, EXIT), (9, 0, EXIT), (-9, 0, EXIT), (5, -5, REVERSAL)],
)
def test_why_an_order_is_sent(position: int, wanted: int, purpose: int) -> None:
    assert purpose_of(position, wanted) == purpose


def test_an_entry_carries_its_protection_on_the_grid() -> None:
    wish = intent(1.0, stop=1386.04, profit=1428.06, trail=7.0)
    request = order_for(wish, RELIANCE, 0, NAN, 7, product=Product.MIS, owner="ema", price=1400.0)
    assert request is not None
    assert (request.side, request.quantity, request.order_type, request.price) == (Side.BUY, 7, OrderType.MARKET, None)
    assert (request.stop, request.target, request.trail) == (1386.0, 1428.1, 7.0)
    assert (request.purpose, request.owner, request.product, request.reference_price) == (Purpose.ENTRY, "ema", Product.MIS, 1400.0)


def test_a_reversal_is_one_order_with_the_new_protection() -> None:
    request = order_for(intent(-1.0, stop=1410.0), RELIANCE, 7, 1.0, 5, product=Product.MIS, owner="ema", price=1400.0)
    assert request is not None
    assert (request.side, request.quantity, request.purpose, request.stop) == (Side.SELL, 12, Purpose.REVERSAL, 1410.0)
    assert (request.target, request.trail) == (None, None)


def test_an_exit_carries_no_protection() -> None:
    request = order_for(intent(0.0, stop=1.0, profit=2.0, trail=3.0), RELIANCE, -7, -1.0, 5, product=Product.MIS, owner="ema", price=9.0)
    assert request is not None
    assert (request.side, request.quantity, request.purpose, request.is_exit) == (Side.BUY, 7, Purpose.EXIT, True)
    assert (request.stop, request.target, request.trail) == (None, None, None)


def test_a_limit_makes_a_limit_order_on_the_grid() -> None:
    request = order_for(intent(1.0, limit=1399.96), RELIANCE, 0, NAN, 5, product=Product.CNC, owner="ema", price=1400.0)
    assert request is not None
    assert (request.order_type, request.price) == (OrderType.LIMIT, 1400.0)


def test_nothing_to_do_is_no_order() -> None:
    assert order_for(intent(stop=1.0), RELIANCE, 7, 1.0, 5, product=Product.MIS, owner="ema", price=9.0) is None
    assert order_for(intent(1.0), RELIANCE, 7, 1.0, 5, product=Product.MIS, owner="ema", price=9.0) is None


@pytest.mark.parametrize(("product", "can_short"), [(Product.CNC, True), (Product.MTF, True), (Product.MIS, False)])
def test_no_short_where_it_is_not_allowed(product: Product, can_short: bool) -> None:
    assert order_for(intent(-1.0), RELIANCE, 0, NAN, 5, product=product, owner="ema", price=9.0, can_short=can_short) is None
    assert Sizing(FIXED, 5).row(RELIANCE, product, can_short=can_short)[0].can_short == 0


def test_the_record_says_whether_shorting_is_allowed() -> None:
    assert Sizing(FIXED, 5).row(RELIANCE, Product.NRML)[0].can_short == 1


def test_sizings_are_read() -> None:
    assert parse_sizing("risk") == Sizing(RISK)
    assert parse_sizing(" fixed:10 ") == Sizing(FIXED, 10)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "risk:1",
        "fixed",
        "fixed:",
        "fixed:0",
        "fixed:-1",
        "fixed:1.5",
        "fixed:x",
        "half",
        "kelly",
        "kelly:",
        "kelly:0",
        "kelly:1.1",
        "kelly:nan",
    ],
)
def test_an_unreadable_sizing_says_what_was_expected(text: str) -> None:
    with pytest.raises(InvalidOption, match='Expected sizing "risk", "kelly:F"'):
        parse_sizing(text)


@pytest.mark.skipif(is_disabled(), reason="machine code is switched off")
def test_machine_code_gives_the_same() -> None:
    for sizing in (risk(risk_pct=1.3, cap=11.0), risk(risk_pct=0.7), risk(cap=3.0), risk(), Sizing(FIXED, 3).row(RELIANCE, Product.MIS)):
        for stop in (NAN, 1386.2, 1400.0, 1412.0):
            assert size_of.dispatcher(sizing[0], LAKH, 1400.0, stop) == size_of.py_func(sizing[0], LAKH, 1400.0, stop)
    for target in (NAN, 0.0, 1.0, -1.0, 0.29):
        for position in (-100, 0, 70):
            arguments = (target, 1.0, position, 100, 1, True)
            assert wanted_quantity.dispatcher(*arguments) == wanted_quantity.py_func(*arguments)
            assert purpose_of.dispatcher(position, 70) == purpose_of.py_func(position, 70)


@pytest.mark.parametrize(
    ("wish", "order_type", "price", "trigger"),
    [
        (intent(1.0, trigger=1410.02), OrderType.SL_M, None, 1410.0),
        (intent(1.0, trigger=1410.0, limit=1411.0), OrderType.SL, 1411.0, 1410.0),
        (intent(1.0, trigger=1410.0, limit=1409.0), OrderType.SL, 1410.0, 1410.0),
        (intent(-1.0, trigger=1390.0, limit=1391.0), OrderType.SL, 1390.0, 1390.0),
        (intent(1.0, trigger=0.0, limit=1399.0), OrderType.LIMIT, 1399.0, None),
    ],
)
def test_a_trigger_makes_a_stop_order_and_with_a_limit_a_stop_limit(
    wish: Row, order_type: OrderType, price: float | None, trigger: float | None
) -> None:
    request = order_for(wish, RELIANCE, 0, NAN, 7, product=Product.MIS, owner="ema", price=1400.0)
    assert request is not None
    assert (request.order_type, request.price, request.trigger_price) == (order_type, price, trigger)
    assert is_wanted_by(request, wish)
    assert not is_wanted_by(request, intent(1.0, limit=1.0, trigger=2.0))
    assert entry_price(wish, RELIANCE, 1400.0) == (trigger or 1400.0)


def test_what_is_above_the_freeze_quantity_is_to_be_sliced() -> None:
    frozen = replace(RELIANCE, freeze_quantity=7)
    for size, is_sliced in ((7, False), (8, True)):
        request = order_for(intent(1.0), frozen, 0, NAN, size, product=Product.MIS, owner="ema", price=1400.0)
        assert request is not None
        assert request.is_sliced is is_sliced


def by_kelly(bet_pct: float, *, risk_pct: float = 0.0, cap: float = 50.0) -> Rows:
    row = Sizing(KELLY, fraction=0.5).row(RELIANCE, Product.MIS, risk_pct=risk_pct, max_position_pct=cap)
    row["bet_pct"] = bet_pct
    return row


@pytest.mark.parametrize(
    ("sizing", "stop", "size"),
    [
        (by_kelly(NAN), NAN, 500),  # too few trades: as by risk
        (by_kelly(10.0), NAN, 100),
        (by_kelly(0.0), NAN, 0),
        (by_kelly(90.0), NAN, 500),  # never past the largest position
        (by_kelly(25.0, risk_pct=1.0), 90.0, 100),  # nor past what the stop may lose
        (by_kelly(NAN, risk_pct=1.0), 90.0, 100),
    ],
)
def test_a_bet_is_a_part_of_equity_within_every_other_measure(sizing: Rows, stop: float, size: int) -> None:
    assert size_of(sizing[0], 100_000 * 10_000, 100.0, stop) == size


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        ({}, 500),
        ({"max_order_quantity": 120}, 120),
        ({"max_order_value": 30_000.0}, 300),
        ({"max_order_share": 20.0}, 200),
        ({"max_order_quantity": 400, "max_order_value": 30_000.0, "max_order_share": 35.0}, 300),
        ({"max_order_lots": 1, "max_position_lots": 1}, 500),  # shares have no lots
        ({"max_order_quantity": 0.0}, 500),  # a limit of nothing refuses, and says so
    ],
)
def test_a_size_is_cut_down_to_what_the_limits_of_an_order_let_pass(limits: dict[str, float], size: int) -> None:
    for mode in (Sizing(RISK), Sizing(KELLY, fraction=1.0)):
        row = mode.row(RELIANCE, Product.MIS, max_position_pct=50.0, limits=limits)
        assert size_of(row[0], 100_000 * 10_000, 100.0, NAN) == size


def test_a_fixed_size_is_not_cut_down() -> None:
    row = Sizing(FIXED, 500).row(RELIANCE, Product.MIS, limits={"max_order_quantity": 1})
    assert size_of(row[0], 100_000 * 10_000, 100.0, NAN) == 500


def test_contracts_are_capped_in_lots_of_the_order_and_of_the_position() -> None:
    future = NIFTY
    assert order_caps({"max_order_lots": 10, "max_order_quantity": 5}, future)[0] == 10 * future.lot_size
    assert order_caps({"max_order_lots": 10, "max_position_lots": 4}, future)[0] == 4 * future.lot_size
    assert order_caps({"max_position_lots": 4}, future)[0] == 4 * future.lot_size
    assert order_caps({}, future) == (0, 0, 0.0)


def test_what_an_order_at_market_may_cost_more_is_left_room_for() -> None:
    assert order_caps({"max_order_value": 102.0, "max_order_share": 20.4}, RELIANCE, 2.0) == (0, 1_000_000, pytest.approx(20.0))


@pytest.mark.parametrize("text", ["kelly", "kelly:", "kelly:0", "kelly:1.1", "kelly:nan", "kelly:-1", "kelly:1e-3"])
def test_a_part_of_kelly_is_above_nothing_and_at_most_all(text: str) -> None:
    with pytest.raises(InvalidOption, match='"kelly:F" with F above 0 and up to 1'):
        parse_sizing(text)


def test_a_part_of_kelly_is_read() -> None:
    assert parse_sizing("kelly:0.5") == Sizing(KELLY, fraction=0.5)
    assert parse_sizing("kelly:1") == Sizing(KELLY, fraction=1.0)
